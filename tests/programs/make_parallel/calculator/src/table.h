#ifndef TABLE_H
#define TABLE_H

/* The table of variables. */
double *table_slot(const char *name);

#endif
