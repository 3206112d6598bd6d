#include "parser.h"

#include <math.h>
#include <string.h>

#include "functions.h"
#include "lexer.h"
#include "table.h"

static struct lexer lexer;
static const char *failure;

static double comparison(void);

static int accept(int token) {
    if (lexer.token != token) {
        return 0;
    }
    lexer_next(&lexer);
    return 1;
}

static double atom(void) {
    double value = lexer.number;
    if (accept(TOKEN_NUMBER)) {
        return value;
    }
    char name[sizeof lexer.name];
    memcpy(name, lexer.name, sizeof name);
    if (accept(TOKEN_NAME)) {
        if (accept('(')) {
            value = call_function(name, comparison(), &failure);
            accept(')');
            return value;
        }
        if (accept('=')) {
            value = comparison();
            *table_slot(name) = value;
            return value;
        }
        return *table_slot(name);
    }
    if (accept('(')) {
        value = comparison();
        if (!accept(')')) {
            failure = "a bracket is missing";
        }
        return value;
    }
    if (accept('-')) {
        return -atom();
    }
    failure = "a number is missing";
    return 0;
}

static double power(void) {
    double base = atom();
    return accept('^') ? pow(base, power()) : base;
}

static double product(void) {
    double value = power();
    for (;;) {
        if (accept('*')) {
            value *= power();
        } else if (accept('/')) {
            value /= power();
        } else {
            return value;
        }
    }
}

static double sum(void) {
    double value = product();
    for (;;) {
        if (accept('+')) {
            value += product();
        } else if (accept('-')) {
            value -= product();
        } else {
            return value;
        }
    }
}

static double comparison(void) {
    double value = sum();
    return accept('<') ? value < sum() : value;
}

double evaluate(const char *text, const char **error) {
    double value;
    failure = NULL;
    lexer_start(&lexer, text);
    do {
        value = comparison();
    } while (accept(';'));
    if (!failure && lexer.token != TOKEN_END) {
        failure = "something is left over";
    }
    *error = failure;
    return value;
}
