#ifndef FUNCTIONS_H
#define FUNCTIONS_H

double call_function(const char *name, double argument, const char **error);

#endif
