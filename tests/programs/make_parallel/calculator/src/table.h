#ifndef TABLE_H
#define TABLE_H

/* Where the variables live. */
double *table_slot(const char *name);

#endif
