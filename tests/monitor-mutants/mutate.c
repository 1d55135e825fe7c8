/* SPDX-License-Identifier: GPL-2.0-only OR MIT */

/*
 * mutate SOURCE: the mutants of a file in C, a line each: number, line, function, kind, what it is
 * and what it becomes, and `alone` where it is not among all of the next. mutate SOURCE all: the
 * file with all mutants in it, of which the variable mutant_number chooses one. mutate SOURCE
 * NUMBER: the file with that mutant in it.
 *
 * Each condition negated, alone and in what it is part of; each simple statement left out; each
 * constant, by number or by name, off by one. What the compiler refuses is none: declarations are
 * not told from statements here, nor names of numbers from other names in capitals.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKENS 20000u
#define CONTEXT    3u /* tokens that are shown on either side of a constant */

enum kind { NAME, NUMBER, CHARACTER, STRING, PUNCTUATOR };

static struct token {
    enum kind kind;
    const char *at;
    unsigned length, line;
    bool no_code;     /* in an attribute or assembly */
    bool ends_header; /* the parenthesis behind if, for, while, switch */
    bool ends_label;  /* the colon behind case, default */
    bool of_block;    /* a brace around statements */
    bool in_function;
    bool fixed;   /* the compiler wants a constant here */
    unsigned end; /* of the function */
    const char *function;
    unsigned function_length;
} tokens[MAX_TOKENS];

enum change { NEGATED, LEFT_OUT, MORE, LESS, NOT_TRUE, NOT_FALSE };

/* How each kind is called, and what stands before and behind it: as it is alone, and among all. */
static const struct {
    const char *name, *before, *after, *all_before, *all_after;
    bool replaces;
} changes[] = {
    [NEGATED] = {"negated", "!(", ")", "(!(", ") == (mutant_number == %u))", false},
    [LEFT_OUT] = {"left out", ";", "", "if (mutant_number != %u) ", "", true},
    [MORE] = {"constant", "(", " + 1)", "(", " + (mutant_number == %u))", false},
    [LESS] = {"constant", "(", " - 1)", "(", " - (mutant_number == %u))", false},
    [NOT_TRUE] = {"constant", "false", "", "(", " && mutant_number != %u)", true},
    [NOT_FALSE] = {"constant", "true", "", "(", " || mutant_number == %u)", true},
};

static struct mutant {
    unsigned first, last;
    enum change change;
} mutants[MAX_TOKENS];

static unsigned count, mutant_count;
static char *source;

_Noreturn static void fail(const char *why) {
    fprintf(stderr, "mutate: %s\n", why);
    exit(1);
}

static bool is(unsigned i, const char *text) {
    return i < count && strlen(text) == tokens[i].length &&
           !memcmp(tokens[i].at, text, tokens[i].length);
}

static bool is_any(unsigned i, const char *const *texts) {
    for (; *texts; texts++) {
        if (is(i, *texts)) {
            return true;
        }
    }
    return false;
}

/* --- tokens --- */

static void add(enum kind kind, const char *at, const char *end, unsigned line) {
    if (count == MAX_TOKENS) {
        fail("too many tokens");
    }
    tokens[count++] =
        (struct token){.kind = kind, .at = at, .length = (unsigned)(end - at), .line = line};
}

static const char *end_of_quoted(const char *p) {
    char quote = *p++;
    for (; *p && *p != quote; p++) {
        p += *p == '\\';
    }
    return p + 1;
}

static const char *end_of_punctuator(const char *p) {
    static const char *const all[] = {"<<=", ">>=", "...", "->", "++", "--", "<<", ">>",
                                      "<=",  ">=",  "==",  "!=", "&&", "||", "+=", "-=",
                                      "*=",  "/=",  "%=",  "&=", "^=", "|=", NULL};
    for (const char *const *text = all; *text; text++) {
        if (!strncmp(p, *text, strlen(*text))) {
            return p + strlen(*text);
        }
    }
    return p + 1;
}

/* Lines for the preprocessor, and comments, are no tokens. */
static void split(void) {
    unsigned line = 1;
    bool fresh = true; /* nothing yet on this line */
    for (const char *p = source, *end; *p; p = end) {
        end = p + 1;
        if (*p == '\n') {
            line++;
            fresh = true;
        } else if (isspace((unsigned char)*p)) {
            continue;
        } else if (*p == '#' && fresh) {
            for (; *end && *end != '\n'; end++) {
                if (*end == '\\' && end[1] == '\n') {
                    line++;
                    end++;
                }
            }
        } else if (p[0] == '/' && p[1] == '*') {
            for (end = p + 2; *end && !(end[0] == '*' && end[1] == '/'); end++) {
                line += *end == '\n';
            }
            end += 2;
        } else {
            enum kind kind = PUNCTUATOR;
            if (isalpha((unsigned char)*p) || *p == '_' || isdigit((unsigned char)*p)) {
                kind = isdigit((unsigned char)*p) ? NUMBER : NAME;
                while (isalnum((unsigned char)*end) || *end == '_') {
                    end++;
                }
            } else if (*p == '"' || *p == '\'') {
                kind = *p == '"' ? STRING : CHARACTER;
                end = end_of_quoted(p);
            } else {
                end = end_of_punctuator(p);
            }
            add(kind, p, end, line);
            fresh = false;
        }
    }
}

static unsigned closing(unsigned open) {
    unsigned depth = 0;
    for (unsigned i = open; i < count; i++) {
        if (is(i, "(") || is(i, "[") || is(i, "{")) {
            depth++;
        } else if ((is(i, ")") || is(i, "]") || is(i, "}")) && !--depth) {
            return i;
        }
    }
    fail("a bracket is not closed");
}

static unsigned opening(unsigned close) {
    unsigned depth = 0;
    for (unsigned i = close + 1; i--;) {
        if (is(i, ")") || is(i, "]") || is(i, "}")) {
            depth++;
        } else if ((is(i, "(") || is(i, "[") || is(i, "{")) && !--depth) {
            return i;
        }
    }
    fail("a bracket is not opened");
}

/* What belongs to functions, and what is none of our matter. */
static void mark(void) {
    static const char *const others[] = {"__asm__", "__attribute__", "_Static_assert", NULL};
    static const char *const headers[] = {"if", "for", "while", "switch", NULL};
    for (unsigned i = 0; i < count; i++) {
        if (is_any(i, others)) {
            unsigned open = i + 1, last;
            open += is(open, "volatile");
            last = closing(open);
            for (unsigned k = i; k <= last; k++) {
                tokens[k].no_code = true;
            }
        }
        if (is_any(i, headers) && is(i + 1, "(")) {
            tokens[closing(i + 1)].ends_header = true;
        }
        if (is(i, "case") || is(i, "default")) {
            unsigned colon = i;
            while (!is(colon, ":")) {
                colon++;
            }
            tokens[colon].ends_label = true;
        }
    }
    for (unsigned i = 1; i < count; i++) {
        unsigned last, name;
        if (!is(i, "{")) {
            continue;
        }
        last = closing(i);
        if (is(i - 1, ")")) {
            tokens[i].of_block = tokens[last].of_block = true;
            name = opening(i - 1) - 1;
            for (unsigned k = i; k <= last; k++) {
                tokens[k].in_function = true;
                tokens[k].end = last;
                tokens[k].function = tokens[name].at;
                tokens[k].function_length = tokens[name].length;
            }
        }
        i = last;
    }
}

/* --- output --- */

/* White space of any kind is a blank. */
static void print_text(const char *at, const char *end) {
    bool blank = false;
    for (; at < end; at++) {
        if (isspace((unsigned char)*at)) {
            blank = true;
            continue;
        }
        if (blank) {
            putchar(' ');
        }
        blank = false;
        putchar(*at);
    }
}

static const char *start_of(unsigned i) {
    return tokens[i].at;
}

static const char *end_of(unsigned i) {
    return tokens[i].at + tokens[i].length;
}

static void mutant(unsigned first, unsigned last, enum change change) {
    if (mutant_count == MAX_TOKENS) {
        fail("too many mutants");
    }
    mutants[mutant_count++] = (struct mutant){first, last, change};
}

static void list(unsigned n) {
    const struct mutant *m = &mutants[n];
    const struct token *t = &tokens[m->first];
    unsigned context = m->first == m->last ? CONTEXT : 0;
    unsigned first = m->first < context ? 0 : m->first - context;
    unsigned last = m->last + context < count ? m->last + context : count - 1;
    printf("%u\t%u\t%.*s\t%s\t", n + 1, t->line, t->function ? (int)t->function_length : 1,
           t->function ? t->function : "-", changes[m->change].name);
    print_text(start_of(first), start_of(m->first));
    printf("{");
    print_text(start_of(m->first), end_of(m->last));
    printf(" -> %s", changes[m->change].before);
    if (!changes[m->change].replaces) {
        print_text(start_of(m->first), end_of(m->last));
    }
    printf("%s}", changes[m->change].after);
    print_text(end_of(m->last), end_of(last));
    printf("\t%s\n", t->fixed ? "alone" : "-");
}

static void print_alone(unsigned n) {
    const struct mutant *m = &mutants[n];
    const char *from = start_of(m->first), *to = end_of(m->last);
    fwrite(source, 1, (size_t)(from - source), stdout);
    fputs(changes[m->change].before, stdout);
    fwrite(from, 1, changes[m->change].replaces ? 0 : (size_t)(to - from), stdout);
    fputs(changes[m->change].after, stdout);
    fputs(to, stdout);
}

/* The format has a place for the number, or none. */
static void print_number(const char *format, unsigned n) {
    const char *place = strstr(format, "%u");
    if (!place) {
        fputs(format, stdout);
        return;
    }
    printf("%.*s%u%s", (int)(place - format), format, n, place + 2);
}

/* What is longer is outside. */
static int by_length(const void *a, const void *b) {
    const struct mutant *x = &mutants[*(const unsigned *)a], *y = &mutants[*(const unsigned *)b];
    unsigned x_length = x->last - x->first, y_length = y->last - y->first;
    if (x_length != y_length) {
        return x_length > y_length ? -1 : 1;
    }
    return x < y ? -1 : 1;
}

static void print_all(void) {
    static unsigned order[MAX_TOKENS];
    const char *at = source;
    for (unsigned i = 0; i < mutant_count; i++) {
        order[i] = i;
    }
    qsort(order, mutant_count, sizeof(*order), by_length);
    puts("extern unsigned mutant_number __attribute__((visibility(\"default\")));");
    for (unsigned i = 0; i < count; i++) {
        if (tokens[i].fixed) {
            continue;
        }
        fwrite(at, 1, (size_t)(start_of(i) - at), stdout);
        for (unsigned k = 0; k < mutant_count; k++) {
            if (mutants[order[k]].first == i) {
                print_number(changes[mutants[order[k]].change].all_before, order[k] + 1);
            }
        }
        fwrite(start_of(i), 1, tokens[i].length, stdout);
        for (unsigned k = mutant_count; k--;) {
            if (mutants[order[k]].last == i) {
                print_number(changes[mutants[order[k]].change].all_after, order[k] + 1);
            }
        }
        at = end_of(i);
    }
    fputs(at, stdout);
}

/* --- conditions --- */

static const char *const edges[] = {
    "(", ")",  "[",  "]",  "{",  "}",  ",",  ";",  "?",  ":",   "&&",  "||",
    "=", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|=", "<<=", ">>=", NULL};

/* The operand that token i is in, between two edges. */
static void operand_of(unsigned i, unsigned *first, unsigned *last) {
    for (*first = i; *first; --*first) {
        unsigned before = *first - 1;
        if (tokens[before].ends_header || is(before, "return") || is(before, "case")) {
            break;
        }
        if (is(before, ")") || is(before, "]") || is(before, "}")) {
            *first = opening(before) + 1;
        } else if (is_any(before, edges)) {
            break;
        }
    }
    *last = is(i, "(") ? closing(i) : i;
    for (; *last + 1 < count; ++*last) {
        unsigned after = *last + 1;
        if (is(after, "(") || is(after, "[") || is(after, "{")) {
            *last = closing(after) - 1;
        } else if (is_any(after, edges)) {
            break;
        }
        if (is(*last + 1, ")") && closing(opening(*last + 1)) != *last + 1) {
            break;
        }
    }
}

static bool seen(unsigned first, unsigned last) {
    static struct { unsigned first, last; } ranges[MAX_TOKENS];
    static unsigned size;
    for (unsigned i = 0; i < size; i++) {
        if (ranges[i].first == first && ranges[i].last == last) {
            return true;
        }
    }
    ranges[size].first = first;
    ranges[size++].last = last;
    return false;
}

static void negate(unsigned first, unsigned last) {
    if (first <= last && !seen(first, last)) {
        mutant(first, last, NEGATED);
    }
}

/* Left and right of an operator, as far as its neighbours. */
static void left_of(unsigned i, unsigned *first) {
    unsigned last;
    operand_of(i - 1, first, &last);
}

static void negate_operands(unsigned i) {
    unsigned first, last;
    if (!i) {
        return;
    }
    if (is(i, "&&") || is(i, "||")) {
        operand_of(i + 1, &first, &last);
        negate(i + 1, last);
    }
    if (is(i - 1, ")") || is(i - 1, "]")) {
        operand_of(opening(i - 1), &first, &last);
    } else {
        left_of(i, &first);
    }
    negate(first, i - 1);
}

static void conditions(void) {
    static const char *const compares[] = {"==", "!=", "<", ">", "<=", ">=", "!", NULL};
    static const char *const headers[] = {"if", "while", NULL};
    for (unsigned i = 0; i < count; i++) {
        unsigned first, last;
        if (!tokens[i].in_function || tokens[i].no_code) {
            continue;
        }
        if (is_any(i, headers) && is(i + 1, "(")) {
            negate(i + 2, closing(i + 1) - 1);
        }
        if (is(i, "for")) { /* the second part of the header */
            for (first = i + 2; !is(first, ";"); first++) {
            }
            for (last = ++first; !is(last, ";"); last++) {
            }
            negate(first, last - 1);
        }
        if (is(i, "&&") || is(i, "||") || is(i, "?")) {
            negate_operands(i);
        }
        if (is_any(i, compares)) {
            operand_of(i, &first, &last);
            negate(first, last);
        }
    }
}

/* --- statements --- */

static bool begins_statement(unsigned i) {
    static const char *const before[] = {";", "else", "do", NULL};
    const struct token *last = &tokens[i - 1];
    return last->ends_header || last->ends_label || last->of_block || is_any(i - 1, before);
}

static bool is_declaration(unsigned i) {
    static const char *const jumps[] = {"return", "goto", "__asm__", NULL};
    static const char *const types[] = {"struct", "union", "enum", NULL};
    if (is_any(i, types)) {
        return true;
    }
    if (tokens[i].kind != NAME || is_any(i, jumps)) {
        return false;
    }
    return tokens[i + 1].kind == NAME || (is(i + 1, "*") && tokens[i + 2].kind == NAME);
}

/* Of a declaration: what is static all along, else the sizes of arrays. */
static void mark_fixed(unsigned first, unsigned last) {
    bool is_static = is(first, "static"), in_size = false;
    for (unsigned i = first; i <= last; i++) {
        in_size = is(i, "[") || (in_size && !is(i, "]"));
        if (is(i, "=") && !is_static) {
            break;
        }
        tokens[i].fixed |= is_static || in_size;
    }
}

/* Behind it the function ends: without it there would be no value. */
static bool is_last_return(unsigned first, unsigned last) {
    if (!is(first, "return") || is(first + 1, ";")) {
        return false;
    }
    while (is(last + 1, "}")) {
        last++;
    }
    return last >= tokens[first].end;
}

static void statements(void) {
    static const char *const control[] = {"if",      "for", "while", "do", "switch", "else", "case",
                                          "default", "{",   "}",     ";",  ")",      NULL};
    unsigned depth = 0; /* of parentheses */
    for (unsigned i = 1; i < count; i++) {
        unsigned last = i;
        depth += is(i, "(") || is(i, "[");
        depth -= is(i, ")") || is(i, "]");
        if (!tokens[i].in_function) {
            tokens[i].fixed = true;
        }
        if (is(i, "case")) {
            for (; !is(last, ":"); last++) {
                tokens[last].fixed = true;
            }
        }
        if (!tokens[i].in_function || depth || !begins_statement(i)) {
            continue;
        }
        if (is(i, "{")) {
            tokens[i].of_block = tokens[closing(i)].of_block = true;
        }
        if (is_any(i, control)) {
            continue;
        }
        while (last < count && !is(last, ";")) {
            if (is(last, "(") || is(last, "[") || is(last, "{")) {
                last = closing(last);
            }
            last++;
        }
        if (is_declaration(i)) {
            mark_fixed(i, last);
        } else if (!tokens[i].fixed && !is_last_return(i, last)) {
            mutant(i, last, LEFT_OUT);
        }
    }
}

/* --- constants --- */

static bool is_constant_name(unsigned i) {
    const struct token *t = &tokens[i];
    bool letter = false;
    if (t->kind != NAME || is(i + 1, "(") || t->length < 2 || is(i, "NULL")) {
        return false;
    }
    for (unsigned k = 0; k < t->length; k++) {
        if (islower((unsigned char)t->at[k])) {
            return false;
        }
        letter |= isupper((unsigned char)t->at[k]) != 0;
    }
    return letter && t->at[0] != '_';
}

/* Beside an operator of order the other direction counts, too. */
static bool is_bound(unsigned i) {
    static const char *const orders[] = {"<", ">", "<=", ">=", NULL};
    return is_any(i - 1, orders) || is_any(i + 1, orders);
}

static void constants(void) {
    for (unsigned i = 1; i < count; i++) {
        bool is_number = tokens[i].kind == NUMBER || tokens[i].kind == CHARACTER;
        if (tokens[i].no_code) {
            continue;
        }
        if (is(i, "true") || is(i, "false")) {
            mutant(i, i, is(i, "true") ? NOT_TRUE : NOT_FALSE);
        } else if (is_number || is_constant_name(i)) {
            mutant(i, i, MORE);
            if (is_bound(i)) {
                mutant(i, i, LESS);
            }
        }
    }
}

static char *read_all(const char *name) {
    FILE *f = fopen(name, "rb");
    char *text;
    long size;
    if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
        perror(name);
        exit(1);
    }
    text = calloc(1, (size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, f) != (size_t)size) {
        fail("the file cannot be read");
    }
    fclose(f);
    return text;
}

int main(int argc, char **argv) {
    unsigned wanted;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: mutate SOURCE [all|NUMBER]\n");
        return 2;
    }
    source = read_all(argv[1]);
    split();
    mark();
    conditions();
    statements();
    constants();
    wanted = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    if (argc == 2) {
        for (unsigned n = 0; n < mutant_count; n++) {
            list(n);
        }
    } else if (!strcmp(argv[2], "all")) {
        print_all();
    } else if (wanted && wanted <= mutant_count) {
        print_alone(wanted - 1);
    } else {
        fail("there is no such mutant");
    }
    free(source);
    return 0;
}
