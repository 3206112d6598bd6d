#include "lexer.h"

#include <ctype.h>
#include <stdlib.h>

void lexer_start(struct lexer *lexer, const char *text) {
    lexer->rest = text;
    lexer_next(lexer);
}

void lexer_next(struct lexer *lexer) {
    while (isspace((unsigned char)*lexer->rest)) {
        lexer->rest++;
    }
    unsigned char first = (unsigned char)*lexer->rest;
    if (!first) {
        lexer->token = TOKEN_END;
    } else if (isdigit(first)) {
        char *end;
        lexer->number = strtod(lexer->rest, &end);
        lexer->rest = end;
        lexer->token = TOKEN_NUMBER;
    } else if (isalpha(first)) {
        size_t length = 0;
        while (isalnum((unsigned char)*lexer->rest)) {
            if (length + 1 < sizeof lexer->name) {
                lexer->name[length++] = *lexer->rest;
            }
            lexer->rest++;
        }
        lexer->name[length] = '\0';
        lexer->token = TOKEN_NAME;
    } else {
        lexer->token = first;
        lexer->rest++;
    }
}
