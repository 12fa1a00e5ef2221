/* What a model answers when it is asked for a name: what is put around a name goes, what belongs to it stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "turn/turn_priv.h"

/* What a model said, and the name that it becomes. */
static const struct {
	const char *said, *name; /* NULL: none; the conversation keeps the one it has */
} cases[] = {
	{"Sorting lists in Python", "Sorting lists in Python"},
	{"**Title:** Sorting lists", "Sorting lists"},
	{"**Title: Sorting lists**", "Sorting lists"},
	{"TITLE: \"Sorting lists.\"", "Sorting lists"},
	{"\"Title: Sorting lists\"", "Sorting lists"},
	{"Title: **\"Sorting lists\"**", "Sorting lists"},
	{"<title>Sorting lists</title>", "Sorting lists"},
	{"# Sorting lists", "Sorting lists"},
	{"1. Sorting lists\n2. Lists that sort", "Sorting lists"},
	{"Sorting lists\n\nThis title says what it is about.", "Sorting lists"},
	{"Titre : Trier des listes", "Trier des listes"},
	{"\u6807\u9898\uff1a\u6392\u5e8f\u5217\u8868", "\u6392\u5e8f\u5217\u8868"},
	{"\u201eListen sortieren\u201c", "Listen sortieren"},
	{"\u00abTrier des listes\u00bb", "Trier des listes"},
	{"\u300c\u4e26\u3079\u66ff\u3048\u300d", "\u4e26\u3079\u66ff\u3048"},
	{"\u300a\u6392\u5e8f\u300b\u3002", "\u6392\u5e8f"},
	{"Sure! Here is a fitting title: Sorting lists", "Sorting lists"},
	{"Here's a concise title for the conversation:\n\n**Sorting lists**", "Sorting lists"},
	{"Title for this conversation: Sorting lists", "Sorting lists"},
	{"A good title would be \"Sorting lists\".", "Sorting lists"},
	{"{\"title\": \"Sorting lists\"}", "Sorting lists"},
	{"```json\n{\"title\":\"Sorting lists\"}\n```", "Sorting lists"},
	{"[\"Sorting lists\"]", "Sorting lists"},
	{"Title\n\nSorting lists", "Sorting lists"},
	{"**Title**\nSorting lists", "Sorting lists"},
	{"## Title:\n**Sorting lists**", "Sorting lists"},
	{"Got it! Title: Sorting lists", "Sorting lists"},
	{"Okay, here's a title: **Sorting lists**", "Sorting lists"},
	{"Based on the conversation, a suitable title is: \"Sorting lists\"", "Sorting lists"},
	{"Nat\u00fcrlich! Hier ist ein Titel: Listen sortieren", "Listen sortieren"},
	{"Bien s\u00fbr ! Voici un titre : \u00ab Trier des listes \u00bb", "Trier des listes"},
	{"\u597d\u7684\uff0c\u6807\u9898\uff1a\u6392\u5e8f", "\u6392\u5e8f"},
	{"I would call it \"Sorting lists\"", "Sorting lists"},
	{"***Sorting lists***", "Sorting lists"},
	{"<b>Sorting lists</b>", "Sorting lists"},
	/* What belongs to a name. */
	{"Great Expectations: a summary", "Great Expectations: a summary"},
	{"Sure Start: a programme", "Sure Start: a programme"},
	{"Okay, computer", "Okay, computer"},
	{"The Name of the Rose: its riddles", "The Name of the Rose: its riddles"},
	{"A good man is hard to find: an analysis", "A good man is hard to find: an analysis"},
	{"Of Course, my horse: a poem", "Of Course, my horse: a poem"},
	{"I would rather not: Bartleby", "I would rather not: Bartleby"},
	{".NET garbage collection", ".NET garbage collection"},
	{"__init__.py explained", "__init__.py explained"},
	{"__init__", "__init__"},
	{"#include guards", "#include guards"},
	{"`printf` in C", "`printf` in C"},
	{"`printf`", "`printf`"},
	{"C#", "C#"},
	{"C++: templates", "C++: templates"},
	{"Title: C++: templates", "C++: templates"},
	{"\"Foo\" and \"Bar\"", "\"Foo\" and \"Bar\""},
	{"'Tis the season", "'Tis the season"},
	{"<div> or <span>?", "<div> or <span>?"},
	{"*args and **kwargs", "*args and **kwargs"},
	{"Sorry seems to be the hardest word", "Sorry seems to be the hardest word"},
	{"Names of things", "Names of things"},
	{"Topic modelling with LDA", "Topic modelling with LDA"},
	{"1.5 million rows", "1.5 million rows"},
	{"Wait...", "Wait..."},
	{"-1 in Python slices", "-1 in Python slices"},
	{"Is 0.1 + 0.2 == 0.3?", "Is 0.1 + 0.2 == 0.3?"},
	/* No names. */
	{"", NULL},
	{" \n ", NULL},
	{"<think>What would fit", NULL},
	{"</think>", NULL},
	{"I'm sorry, but I can't help with that.", NULL},
	{"I cannot give a title to this.", NULL},
	{"As an AI language model, I have no opinion.", NULL},
	{"\"\"\"Sorting lists\"\"\"", "Sorting lists"},
	{"Suggested title - Sorting lists", "Sorting lists"},
	{"Title \u2014 Sorting lists", "Sorting lists"},
	{"Possible name for this chat: Sorting lists", "Sorting lists"},
	{"Sorting lists (5 words)", "Sorting lists"},
	{"Sorting lists<|im_end|>", "Sorting lists"},
	{"\u041d\u0430\u0437\u0432\u0430\u043d\u0438\u0435 \u0447\u0430\u0442\u0430: "
	 "\u00ab\u0421\u043e\u0440\u0442\u0438\u0440\u043e\u0432\u043a\u0430\u00bb",
		"\u0421\u043e\u0440\u0442\u0438\u0440\u043e\u0432\u043a\u0430"},
	{"\u0417\u0430\u0433\u043e\u043b\u043e\u0432\u043e\u043a \u0431\u0435\u0441\u0435\u0434\u044b \u2014 "
	 "\u00ab\u0421\u043e\u0440\u0442\u0438\u0440\u043e\u0432\u043a\u0430\u00bb",
		"\u0421\u043e\u0440\u0442\u0438\u0440\u043e\u0432\u043a\u0430"},
	{"{\"response\":{\"chat_title\":\"Sorting lists\"}}", "Sorting lists"},
	{"[{\"title\":\"Sorting lists\"}]", "Sorting lists"},
	{"```Sorting lists```", "Sorting lists"},
	{"\\boxed{Sorting lists}", "Sorting lists"},
	{"\u2022 Sorting lists", "Sorting lists"},
	{"``Sorting lists''", "Sorting lists"},
	{"(Sorting lists)", "Sorting lists"},
	{"<Chat_Title>Sorting lists</chat_title>", "Sorting lists"},
	{"Certainly! Sorting lists", "Sorting lists"},
	{"\u00a1Claro! T\u00edtulo: Ordenar", "Ordenar"},
	{"\u4ee5\u4e0b\u662f\u6807\u9898\uff1a\u6392\u5e8f", "\u6392\u5e8f"},
	{"Der Titel lautet: Listen", "Listen"},
	{"Ein passender Titel w\u00e4re: \"Listen\"", "Listen"},
	{"I think \"Sorting lists\" would be a good title.", "Sorting lists"},
	{"\"Sorting lists\" is a good title for this conversation.", "Sorting lists"},
	{"1. FC K\u00f6ln", "1. FC K\u00f6ln"},
	{"2. Bundesliga", "2. Bundesliga"},
	{"OK! Magazine", "OK! Magazine"},
	{"[[likely]] in C++20", "[[likely]] in C++20"},
	{"(a, b) tuples", "(a, b) tuples"},
	{"$PATH explained", "$PATH explained"},
	{"<stdio.h> or <iostream>?", "<stdio.h> or <iostream>?"},
	{"Title case - its rules", "Title case - its rules"},
	{"We Need to Talk About Kevin", "We Need to Talk About Kevin"},
	{"[PDF]", "[PDF]"},
	{"{\"a\": {\"b\": 1}}", NULL},
	{"The user is asking how to sort lists.", NULL},
	{"Okay, the user wants a title.", NULL},
	{"Hmm, I need a short title here.", NULL},
	{"We need to produce a title.", NULL},
};

static void names(void **state)
{
	CLEANUP(arena_done) struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const char *name = title_clean(str_from(cases[i].said), false, &a);

		if (!name || !cases[i].name ? name != cases[i].name : strcmp(name, cases[i].name) != 0)
			fail_msg("%s: %s", cases[i].said, name ? name : "(none)");
	}
}

static void cut_off(void **state)
{
	CLEANUP(arena_done) struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_null(title_clean(STR("A name that does not"), true, &a));
	assert_string_equal(title_clean(STR("A name\nIt was chosen beca"), true, &a), "A name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(cut_off)};

	return cmocka_run_group_tests_name("turn/title", tests, NULL, NULL);
}
