#ifndef PARSER_H
#define PARSER_H

/* The value of the last statement in text; *error is set where it makes no sense. */
double evaluate(const char *text, const char **error);

#endif
