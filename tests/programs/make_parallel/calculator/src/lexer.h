#ifndef LEXER_H
#define LEXER_H

/* Tokens; a character stands for itself. */
enum { TOKEN_END = 256, TOKEN_NUMBER, TOKEN_NAME };

struct lexer {
    const char *rest;
    int token;
    double number;
    char name[32];
};

void lexer_start(struct lexer *lexer, const char *text);
void lexer_next(struct lexer *lexer);

#endif
