/*
 * calculator.c - arithmetic for models, which are bad at it. Numbers are long doubles: whole ones are exact up to 18 digits,
 * others are told with 15.
 *
 *	sum     = product { ("+" | "-") product }
 *	product = power { ("*" | "/" | "%" | "//" | "mod") power } | power "of" product
 *	power   = unary [ ("^" | "**") power ]                  unary: signs; -2^2 is -(2^2)
 *	postfix = primary { "!" | "%" }                         "%" behind a number where no operand follows: a hundredth
 *	primary = number | name | name "(" [sum {"," sum}] ")" | "(" sum ")"
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "tool/tool_priv.h"

#define DEPTH_MAX      64
#define ARGUMENTS_MAX  256
#define EXPRESSION_MAX 10000

typedef long double num;

struct calc {
	const char *p;
	int depth;
	const char *why; /* the first thing that is wrong, in the arena */
	struct arena *a;
};

static num sum(struct calc *c);

static num wrong(struct calc *c, const char *fmt, const char *what, int n)
{
	if (!c->why) {
		c->why = arena_printf(c->a, "%s \"%.*s\"", fmt, n, what);
		if (!c->why)
			c->why = "there is no memory";
	}
	return 0;
}

static void blanks(struct calc *c)
{
	for (;;) {
		if (isspace((unsigned char)*c->p))
			c->p++;
		else if (strncmp(c->p, "\xc2\xa0", 2) == 0)
			c->p += 2;
		else
			return;
	}
}

static bool sign(struct calc *c, const char *s)
{
	size_t n = strlen(s);

	blanks(c);
	if (strncmp(c->p, s, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool word(struct calc *c, const char *s)
{
	size_t n = strlen(s);

	blanks(c);
	if (strncmp(c->p, s, n) != 0 || isalnum((unsigned char)c->p[n]) || c->p[n] == '_')
		return false;
	c->p += n;
	return true;
}

/* ---- functions ---- */

static num f_sum(const num *v, size_t n)
{
	num s = 0;

	for (size_t i = 0; i < n; i++)
		s += v[i];
	return s;
}

static num f_mean(const num *v, size_t n)
{
	return f_sum(v, n) / (num)n;
}

static num f_min(const num *v, size_t n)
{
	num m = v[0];

	for (size_t i = 1; i < n; i++)
		m = fminl(m, v[i]);
	return m;
}

static num f_max(const num *v, size_t n)
{
	num m = v[0];

	for (size_t i = 1; i < n; i++)
		m = fmaxl(m, v[i]);
	return m;
}

static int by_value(const void *a, const void *b)
{
	const num *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static num f_median(const num *v, size_t n)
{
	num s[ARGUMENTS_MAX];

	memcpy(s, v, n * sizeof(*v));
	qsort(s, n, sizeof(*s), by_value);
	return n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
}

static num f_variance(const num *v, size_t n)
{
	num m = f_mean(v, n), s = 0;

	for (size_t i = 0; i < n; i++)
		s += (v[i] - m) * (v[i] - m);
	return n > 1 ? s / (num)(n - 1) : 0;
}

static num f_stdev(const num *v, size_t n)
{
	return sqrtl(f_variance(v, n));
}

static num gcd(num a, num b)
{
	while (b != 0) {
		num rest = fmodl(a, b);
		a = b;
		b = rest;
	}
	return fabsl(a);
}

static num f_gcd(const num *v, size_t n)
{
	num g = v[0];

	for (size_t i = 1; i < n; i++)
		g = gcd(g, v[i]);
	return fabsl(g);
}

static num f_lcm(const num *v, size_t n)
{
	num m = v[0];

	for (size_t i = 1; i < n; i++)
		m = m == 0 || v[i] == 0 ? 0 : fabsl(m / gcd(m, v[i]) * v[i]);
	return fabsl(m);
}

static num factorial(num x)
{
	num p = 1;

	if (x < 0 || x != floorl(x) || x > 1754)
		return NAN;
	for (int i = 2; i <= (int)x; i++)
		p *= (num)i;
	return p;
}

static num f_factorial(const num *v, size_t n UNUSED)
{
	return factorial(v[0]);
}

static num f_perm(const num *v, size_t n UNUSED)
{
	num p = 1;

	if (v[0] != floorl(v[0]) || v[1] != floorl(v[1]) || v[0] < 0 || v[1] < 0 || v[1] > 100000)
		return NAN;
	for (int i = 0; i < (int)v[1]; i++)
		p *= v[0] - (num)i;
	return p;
}

static num f_comb(const num *v, size_t n UNUSED)
{
	num k = fminl(v[1], v[0] - v[1]), c = 1;

	if (v[0] != floorl(v[0]) || v[1] != floorl(v[1]) || v[0] < 0 || v[1] < 0 || k > 100000)
		return NAN;
	if (k < 0)
		return 0;
	for (int i = 1; i <= (int)k; i++)
		c = roundl(c * (v[0] - k + (num)i) / (num)i);
	return c;
}

static num f_log(const num *v, size_t n)
{
	return n == 2 ? logl(v[0]) / logl(v[1]) : log10l(v[0]);
}

static num f_round(const num *v, size_t n)
{
	num scale = n == 2 ? powl(10, v[1]) : 1;

	return roundl(v[0] * scale) / scale;
}

static num f_root(const num *v, size_t n UNUSED)
{
	num r;

	if (v[0] < 0 && fmodl(v[1], 2) != 0)
		return -powl(-v[0], 1 / v[1]);
	r = powl(v[0], 1 / v[1]);
	return powl(roundl(r), v[1]) == v[0] ? roundl(r) : r;
}

static num f_mod(const num *v, size_t n UNUSED)
{
	return v[0] - v[1] * floorl(v[0] / v[1]);
}

static num f_pow(const num *v, size_t n UNUSED)
{
	return powl(v[0], v[1]);
}

static num f_hypot(const num *v, size_t n UNUSED)
{
	return hypotl(v[0], v[1]);
}

static num f_atan2(const num *v, size_t n UNUSED)
{
	return atan2l(v[0], v[1]);
}

static num degrees(num x)
{
	return x * 180 / M_PIl;
}

static num radians(num x)
{
	return x * M_PIl / 180;
}

static num sign_of(num x)
{
	return (x > 0) - (x < 0);
}

/* Each has one of both: `one` for a single number, `many` for `least` to `most`. */
static const struct function {
	const char *name;
	num (*one)(num x);
	num (*many)(const num *v, size_t n);
	size_t least, most;
} functions[] = {{.name = "sqrt", .one = sqrtl}, {.name = "cbrt", .one = cbrtl}, {.name = "abs", .one = fabsl},
	{.name = "floor", .one = floorl}, {.name = "ceil", .one = ceill}, {.name = "trunc", .one = truncl},
	{.name = "int", .one = truncl}, {.name = "exp", .one = expl}, {.name = "ln", .one = logl},
	{.name = "log2", .one = log2l}, {.name = "log10", .one = log10l}, {.name = "sin", .one = sinl},
	{.name = "cos", .one = cosl}, {.name = "tan", .one = tanl}, {.name = "asin", .one = asinl},
	{.name = "acos", .one = acosl}, {.name = "atan", .one = atanl}, {.name = "sinh", .one = sinhl},
	{.name = "cosh", .one = coshl}, {.name = "tanh", .one = tanhl}, {.name = "deg", .one = degrees},
	{.name = "degrees", .one = degrees}, {.name = "rad", .one = radians}, {.name = "radians", .one = radians},
	{.name = "sign", .one = sign_of}, {"log", NULL, f_log, 1, 2}, {"round", NULL, f_round, 1, 2},
	{"factorial", NULL, f_factorial, 1, 1}, {"fact", NULL, f_factorial, 1, 1}, {"root", NULL, f_root, 2, 2},
	{"mod", NULL, f_mod, 2, 2}, {"pow", NULL, f_pow, 2, 2}, {"hypot", NULL, f_hypot, 2, 2},
	{"atan2", NULL, f_atan2, 2, 2}, {"comb", NULL, f_comb, 2, 2}, {"nCr", NULL, f_comb, 2, 2},
	{"binomial", NULL, f_comb, 2, 2}, {"perm", NULL, f_perm, 2, 2}, {"nPr", NULL, f_perm, 2, 2},
	{"min", NULL, f_min, 1, ARGUMENTS_MAX}, {"max", NULL, f_max, 1, ARGUMENTS_MAX},
	{"sum", NULL, f_sum, 1, ARGUMENTS_MAX}, {"mean", NULL, f_mean, 1, ARGUMENTS_MAX},
	{"avg", NULL, f_mean, 1, ARGUMENTS_MAX}, {"average", NULL, f_mean, 1, ARGUMENTS_MAX},
	{"median", NULL, f_median, 1, ARGUMENTS_MAX}, {"stdev", NULL, f_stdev, 1, ARGUMENTS_MAX},
	{"variance", NULL, f_variance, 1, ARGUMENTS_MAX}, {"gcd", NULL, f_gcd, 1, ARGUMENTS_MAX},
	{"lcm", NULL, f_lcm, 1, ARGUMENTS_MAX}};

static NOINLINE num apply(struct calc *c, const struct function *f)
{
	num v[ARGUMENTS_MAX];
	size_t n = 0, least = f->one ? 1 : f->least, most = f->one ? 1 : f->most;
	bool list = sign(c, "["); /* mean([1, 2]) is meant the same */

	while (!c->why && n < ARGUMENTS_MAX) {
		v[n++] = sum(c);
		if (!sign(c, ","))
			break;
	}
	if (list && !sign(c, "]"))
		return wrong(c, "a ] is missing before", c->p, 20);
	if (!sign(c, ")"))
		return wrong(c, "a ) is missing before", c->p, 20);
	if (n < least || n > most)
		return wrong(c, "there are too few or too many numbers for", f->name, 20);
	return f->one ? f->one(v[0]) : f->many(v, n);
}

/* ---- the grammar ---- */

static num named(struct calc *c)
{
	static const struct {
		const char *name;
		num value;
	} constants[] = {{"pi", M_PIl}, {"PI", M_PIl}, {"e", M_El}, {"E", M_El}, {"tau", 2 * M_PIl}};
	const char *name = strncmp(c->p, "math.", 5) == 0 ? c->p + 5 : c->p;
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	c->p = name + n;
	for (size_t i = 0; i < N_ELEMENTS(constants); i++)
		if (strlen(constants[i].name) == n && memcmp(constants[i].name, name, n) == 0)
			return constants[i].value;
	for (size_t i = 0; i < N_ELEMENTS(functions); i++) {
		if (strlen(functions[i].name) != n || memcmp(functions[i].name, name, n) != 0)
			continue;
		return sign(c, "(") ? apply(c, &functions[i]) : wrong(c, "a ( is missing behind", name, (int)n);
	}
	return wrong(c, "there is nothing called", name, (int)MIN(n, 40u));
}

static void digits(struct calc *c, char *text, size_t max, size_t *n)
{
	for (; isdigit((unsigned char)*c->p) || *c->p == '_' || *c->p == '.'; c->p++)
		if (*c->p != '_' && *n < max - 1)
			text[(*n)++] = *c->p;
}

/* Also 1_000 and 0x1f; "2e" and "3pi" are no numbers alone: the letter begins a name. */
static num number(struct calc *c)
{
	char text[128], *end;
	size_t n = 0;

	if (c->p[0] == '0' && (c->p[1] == 'x' || c->p[1] == 'X')) {
		num v = (num)strtoull(c->p + 2, &end, 16);
		return end > c->p + 2 ? (c->p = end, v) : wrong(c, "this is no number:", c->p, 10);
	}
	digits(c, text, sizeof(text), &n);
	const char *exponent = c->p + 1;
	if (*c->p == 'e' || *c->p == 'E') {
		exponent += *exponent == '+' || *exponent == '-';
		if (isdigit((unsigned char)*exponent)) {
			while (c->p < exponent && n < sizeof(text) - 1)
				text[n++] = *c->p++;
			digits(c, text, sizeof(text), &n);
		}
	}
	text[n] = '\0';
	num v = strtold(text, &end);
	return *end || end == text ? wrong(c, "this is no number:", text, 40) : v;
}

static num primary(struct calc *c)
{
	num v;

	blanks(c);
	if (isdigit((unsigned char)*c->p) || *c->p == '.')
		return number(c);
	if (isalpha((unsigned char)*c->p))
		return named(c);
	if (sign(c, "\xcf\x80"))
		return M_PIl;
	if (sign(c, "(")) {
		v = sum(c);
		return sign(c, ")") ? v : wrong(c, "a ) is missing before", c->p, 20);
	}
	return *c->p ? wrong(c, "a number is missing before", c->p, 20)
		     : wrong(c, "a number is missing at the end", "", 0);
}

/* Whether a "%" that was read is followed by an operand, and so is a remainder. */
static bool operand_follows(struct calc *c)
{
	blanks(c);
	return isdigit((unsigned char)*c->p) || *c->p == '(' || *c->p == '.' ||
	       (isalpha((unsigned char)*c->p) && strncmp(c->p, "of ", 3) != 0);
}

static num postfix(struct calc *c)
{
	num v = primary(c);

	for (;;) {
		const char *before = c->p;
		blanks(c);
		if (*c->p == '!' && c->p[1] != '=') {
			c->p++;
			v = factorial(v);
		} else if (sign(c, "%") && !operand_follows(c)) {
			v /= 100;
		} else {
			c->p = before;
			return v;
		}
	}
}

static num power(struct calc *c);

static num unary(struct calc *c)
{
	if (++c->depth > DEPTH_MAX)
		return wrong(c, "there is too much nesting before", c->p, 20);
	num v = sign(c, "-") || sign(c, "\xe2\x88\x92") ? -unary(c) : sign(c, "+") ? unary(c) : power(c);
	c->depth--;
	return v;
}

static num power(struct calc *c)
{
	num v = postfix(c);

	return sign(c, "**") || sign(c, "^") ? powl(v, unary(c)) : v;
}

static num divided(struct calc *c, num v, num by)
{
	return by == 0 && !c->why ? wrong(c, "nothing can be divided by", "0", 1) : v / by;
}

static num product(struct calc *c)
{
	num v = unary(c);

	while (!c->why) {
		if (sign(c, "*") || sign(c, "\xc3\x97") || sign(c, "\xc2\xb7") || word(c, "of"))
			v *= unary(c);
		else if (sign(c, "//"))
			v = floorl(divided(c, v, unary(c)));
		else if (sign(c, "/") || sign(c, "\xc3\xb7"))
			v = divided(c, v, unary(c));
		else if (sign(c, "%") || word(c, "mod")) {
			num by = unary(c);
			v = v - by * floorl(divided(c, v, by));
		} else
			break;
	}
	return v;
}

static num sum(struct calc *c)
{
	num v = 0;

	if (++c->depth > DEPTH_MAX)
		return wrong(c, "there is too much nesting before", c->p, 20);
	v = product(c);
	while (!c->why) {
		if (sign(c, "+"))
			v += product(c);
		else if (sign(c, "-") || sign(c, "\xe2\x88\x92"))
			v -= product(c);
		else
			break;
	}
	c->depth--;
	return v;
}

const char *calculate(const char *expression, struct arena *a, const char **ret_why)
{
	struct calc c = {.p = expression, .a = a};
	num v = strlen(expression) > EXPRESSION_MAX ? wrong(&c, "it is too long", "", 0) : sum(&c);

	(void)sign(&c, "=");
	blanks(&c);
	if (!c.why && *c.p)
		(void)wrong(&c, "this is not understood:", c.p, 40);
	if (!c.why && isnan(v))
		c.why = "it has no real value";
	if (!c.why && isinf(v))
		c.why = "the value is too large";
	*ret_why = c.why;
	if (c.why)
		return NULL;
	/* Whole numbers as they are, as long as they are exact. */
	if (v == truncl(v) && fabsl(v) < 0x1p63L)
		return arena_printf(a, "%.0Lf", v == 0 ? 0 : v);
	return arena_printf(a, "%.15Lg", v);
}

int calculator_call(struct builtin_call *c, struct err *e UNUSED)
{
	const char *expression = json_get_str(c->arguments, "expression"), *why;
	const char *value = calculate(expression ? expression : "", c->mem, &why);

	if (!value)
		return tool_fail(c->ret, "The expression cannot be calculated: %s.", why ? why : "there is no memory");
	c->ret->text = BUF_INIT(1024);
	buf_add_str(&c->ret->text, value);
	return 0;
}
