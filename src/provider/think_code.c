/* think_code.c - follows Markdown's code in a text that comes in pieces. */
#include "provider/think_parts.h"

static void code_end_run(struct think_code *c)
{
	bool fence = c->run_at_start && c->run_n >= 3;
	if (fence && !c->fence) {
		c->fence = c->run_c;
		c->fence_n = c->run_n;
	} else if (fence && c->fence == c->run_c && c->run_n >= c->fence_n) {
		c->fence = 0;
	} else if (c->run_c == '`' && !c->fence) {
		c->inline_n = c->inline_n == 0 ? c->run_n : c->inline_n == c->run_n ? 0 : c->inline_n;
	}
	c->run_c = 0;
	c->run_n = 0;
}

void code_step(struct think_code *c, char b)
{
	if (c->run_n > 0 && (unsigned char)b != c->run_c)
		code_end_run(c);
	if (b == '\n') {
		c->mid_line = false;
		c->indent = c->inline_n = 0;
		c->last = 0;
	} else if (b == '`' || b == '~') {
		if (c->run_n++ == 0) {
			c->run_c = (unsigned char)b;
			c->run_at_start = !c->mid_line;
		}
		c->mid_line = true;
	} else if (b == ' ' || b == '\t') {
		c->indent += !c->mid_line;
	} else {
		c->mid_line = true;
	}
	c->prev = b == '\n' ? 0 : b;
	if (!is_blank(b))
		c->last = b;
}

/* Words and spaces: nothing that is a line's end, a part of a fence, of an escape, or could begin a tag. */
static bool are_words(const char *p, size_t n)
{
	static const bool other[256] = {['\n'] = true,
		['\r'] = true,
		['\t'] = true,
		['`'] = true,
		['~'] = true,
		['\\'] = true,
		['<'] = true,
		['['] = true,
		[0xe2] = true};
	size_t i = 0;
	while (i < n && !other[(unsigned char)p[i]])
		i++;
	return i == n;
}

bool code_words(struct think_code *c, const char *p, size_t n, bool *ret_speaks)
{
	size_t spaces = 0, end = n;
	if (n == 0 || !are_words(p, n))
		return false;
	if (c->run_n > 0)
		code_end_run(c);
	while (spaces < n && p[spaces] == ' ')
		spaces++;
	while (end > spaces && p[end - 1] == ' ')
		end--;
	if (!c->mid_line)
		c->indent += (unsigned)spaces;
	c->prev = p[n - 1];
	*ret_speaks = end > spaces;
	if (*ret_speaks) {
		c->mid_line = true;
		c->last = p[end - 1];
	}
	return true;
}

bool code_fenced(struct think_code *c)
{
	if (c->run_n > 0)
		code_end_run(c);
	return c->fence;
}

bool code_inside(struct think_code *c)
{
	return code_fenced(c) || c->inline_n > 0;
}
