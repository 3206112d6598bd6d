#ifndef PARSER_H
#define PARSER_H

/* Returns the value of the last statement in text; sets *error if the text is invalid. */
double evaluate(const char *text, const char **error);

#endif
