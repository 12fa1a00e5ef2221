/* Reasoning in the text of answers, as models really send it, in pieces cut at every byte. */
#include "streams.h"

#include "thinking.h"

static void tags_of_all_names(void **state)
{
	(void)state;
	becomes("<think>Hm.</think>\n\nYes.", "Hm.", "Yes.");
	becomes("\n <think>\nHm.\n</think>\n\nYes.", "Hm.\n", "Yes.");
	becomes("<thinking>Hm.</thinking>Yes.", "Hm.", "Yes.");
	becomes("<thinking>Hm.</think>Yes.", "Hm.", "Yes.");
	becomes("<reasoning>Hm.</reasoning>Yes.", "Hm.", "Yes.");
	becomes("<thought>Hm.</thought>Yes.", "Hm.", "Yes.");
	becomes("<seed:think>Hm.</seed:think>Yes.", "Hm.", "Yes.");
	becomes("<THINK>Hm.</Think>Yes.", "Hm.", "Yes.");
	becomes("<think type=\"deep\" n='3'>Hm.</think >Yes.", "Hm.", "Yes.");
	becomes("<think about='a > b' x=\"<\">Hm.</think>Yes.", "Hm.", "Yes.");
	becomes("<antThinking>Hm.</antThinking>Yes.", "Hm.", "Yes.");
	becomes("<scratchpad>\nHm.\n</scratchpad>\nYes.", "Hm.\n", "Yes.");
	becomes("<inner_monologue>Hm.</inner_monologue>Yes.", "Hm.", "Yes.");
	becomes("[THINK]Hm.[/THINK]Yes.", "Hm.", "Yes.");
	becomes("[thinking]Hm.[/thinking]Yes.", "Hm.", "Yes.");
	becomes("\xe2\x97\x81think\xe2\x96\xb7Hm.\xe2\x97\x81/think\xe2\x96\xb7Yes.", "Hm.", "Yes.");
	becomes("<|begin_of_thought|>Hm.<|end_of_thought|>Yes.", "Hm.", "Yes.");
	becomes("<|START_THINKING|>Hm.<|END_THINKING|>Yes.", "Hm.", "Yes.");
	becomes("<|channel>thought\nHm.<channel|>Yes.", "Hm.", "Yes.");
	becomes("<unused94>thought\nHm.<unused95>Yes.", "Hm.", "Yes.");
	/* Closed at the very end, never closed, and a mark that is none. */
	becomes("<think>Hm.</think>", "Hm.", "");
	becomes("<think>Hm", "Hm", "");
	becomes("<think>a < b <i></think>c", "a < b <i>", "c");
	becomes("<think>it says `</think>` there</think>Yes.", "it says `</think>` there", "Yes.");
	becomes("<thinker>is a statue", "", "<thinker>is a statue");
	stays_text("<think />\nYes.");
	stays_text("<think a='b'/>Yes.");
	/* Words that other documents have, too: only where an answer begins, and never what was asked for. */
	stays_text("A report: <analysis>good</analysis>\n<rationale>it is</rationale>\n");
	stays_text("Fine.\n</analysis>\nSo.");
	becomes("<think>Hm.</think>\n<analysis>good</analysis> Yes.", "Hm.", "<analysis>good</analysis> Yes.");
	asked = true;
	stays_text("<analysis>good</analysis>\n<summary>short</summary>");
	asked = false;
	becomes("<think", "", "<think");
	becomes("<", "", "<");
	becomes("[THIN", "", "[THIN");
	becomes("[1, 2]", "", "[1, 2]");
}

static void harmony(void **state)
{
	(void)state;
	becomes("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
		"Hm.", "Yes.");
	becomes("<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary"
		"<|message|>First.<|end|><|start|>assistant<|channel|>final<|message|> Yes.",
		"Hm.", "First.Yes.");
	becomes("<|channel|>final<|message|>a <b> <|c", "", "a <b> <|c");
	becomes("<|channel|>analysis<|message|>Only this", "Only this", "");
	becomes("analysis of it", "", "analysis of it");
	becomes("AnalysisOf", "", "AnalysisOf");
	/* Servers that drop the tokens between leave the names of the channels; others have sentences for them. */
	for (size_t cut = 5; cut < 60; cut++) {
		static const char *const said[] = {"analysisHm.assistantfinalYes.",
			"assistantanalysisHm.assistantfinalYes.",
			"Here is my thought process: Hm.Here is my response: Yes.",
			"Here are my reasoning steps:\nHm.[BEGIN FINAL RESPONSE]\nYes."};
		for (size_t i = 0; i < N_ELEMENTS(said); i++) {
			struct told o = think(said[i], MIN(cut, strlen(said[i])), false, false, "stop", NULL);
			same(&o, "Hm.", "Yes.", said[i]);
		}
	}
	becomes("Here is my thought", "", "Here is my thought");
	becomes("a", "", "a");
}

static void a_closing_tag_alone(void **state)
{
	(void)state;
	becomes("Let me see.\n</think>\n\nThe answer.", "Let me see.\n", "The answer.");
	becomes("Let me see.</think>\n\nThe answer.", "Let me see.", "The answer.");
	becomes("Let me see</think>The answer.", "Let me see", "The answer.");
	becomes("Let me see. </think>\nThe answer.", "Let me see. ", "The answer.");
	becomes("Let me see.\n[/THINK]The answer.", "Let me see.\n", "The answer.");
	becomes("One.\n\n```c\nx\n```\nTwo.\n</think>\nYes.", "One.\n\n```c\nx\n```\nTwo.\n", "Yes.");
	becomes("\xe5\xa5\xbd\xe7\x9a\x84\xe3\x80\x82</think>\xe6\x98\xaf", "\xe5\xa5\xbd\xe7\x9a\x84\xe3\x80\x82",
		"\xe6\x98\xaf");
	becomes("Only thought.\n</think>", "Only thought.\n", "");
	becomes("</think>\n\nThe answer.", "", "The answer.");
	assert_true(think("x.\n</think>\ny", 3, false, false, "stop", NULL).alone);
	assert_true(think("x.\n</think>\ny", 3, false, true, "stop", NULL).alone);
	assert_false(think("x. `</think>` y", 3, false, false, "stop", NULL).alone);
}

static void talk_about_tags(void **state)
{
	(void)state;
	stays_text("The tag `</think>` closes it.");
	stays_text("The tag </think> closes it.");
	stays_text("It ends with </think>\nand goes on.");
	stays_text("Write \"</think>\" here, or (</think>).");
	stays_text("```html\n<think>\na\n</think>\n```\nDone.");
	stays_text("~~~\nx\n</think>\n~~~\n");
	stays_text("- item\n  ```\n  </think>\n  ```\nEnd.");
	stays_text("    </think>\nis indented code.");
	stays_text("They write <think> first and then\n</think>\nat the end.");
	stays_text("Use <thinking>x</thinking> in prompts.");
	stays_text("<result><reason>x</reason></result>");
	stays_text("a < b && c > d, [x], ``</think>``");
	stays_text("Some code: ```</think>``` inline.");
}

static void later_blocks(void **state)
{
	(void)state;
	becomes("<think>A.</think>One.\n<think>B.</think>\nTwo.", "A.\n\nB.", "One.\nTwo.");
	becomes("<think>A.</think><think>B.</think>Two.", "A.\n\nB.", "Two.");
	becomes("<think>A.</think>One. <think>B.</think> Two.", "A.\n\nB.", "One. Two.");
	becomes("A.\n</think>\nOne.\n<think>B.</think>Two.", "A.\n\n\nB.", "One.\nTwo.");
	/* Never closed, or only named: it is given back. */
	becomes("<think>A.</think>One.\n<think>\nis a tag", "A.", "One.\n<think>\nis a tag");
	becomes("<think>A.</think>The <think> tag, and </think> too.", "A.", "The <think> tag, and </think> too.");
	becomes("<think>A.</think>```\n<think>x</think>\n```", "A.", "```\n<think>x</think>\n```");
	becomes_when("One.\n<think>B.</think>Two.", false, false, "stop", "A.", "A.\n\nB.", "One.\nTwo.");
	becomes_when("One.\n</think>\nTwo.", false, false, "stop", "A.", "A.", "One.\n</think>\nTwo.");
	becomes_when("</think>\n\nOne.", false, false, "stop", "A.", "A.", "One.");
}

/* Of a model whose earlier answers began so: its text is reasoning from the start, or is kept back. */
static void known_to_think(void **state)
{
	(void)state;
	for (int stays = 0; stays < 2; stays++) {
		becomes_when("Hm </think> Yes.", true, stays, "stop", NULL, "Hm ", "Yes.");
		becomes_when("<think>Hm.</think>Yes.", true, stays, "stop", NULL, "Hm.", "Yes.");
		becomes_when("This time not.", true, stays, "stop", NULL, "", "This time not.");
		becomes_when("It was cut", true, stays, "length", NULL, "It was cut", "");
		becomes_when("Yes.", true, stays, "stop", "Hm.", "Hm.", "Yes.");
		becomes_when("<|channel|>final<|message|>Yes.", true, stays, "stop", NULL, "", "Yes.");
		assert_true(think("This time not.", 4, true, stays, "stop", NULL).never_closed);
		assert_true(think("Yes.", 4, true, stays, "stop", "Hm.").never_closed);
		assert_false(think("Hm </think> Yes.", 4, true, stays, "stop", NULL).never_closed);
	}
	assert_true(think_is_named("deepseek-r1:8b"));
	assert_true(think_is_named("Qwen3-30B-A3B-Thinking-2507"));
	assert_false(think_is_named("phi-4-non-reasoning"));
	assert_false(think_is_named("llama3.2:3b"));
}

/* What models write around the answer is left out where it is only that. */
static void wrapped_answers(void **state)
{
	(void)state;
	becomes("<think>Hm.</think>\n<answer>\nYes.</answer>", "Hm.", "Yes.");
	becomes("<think>Hm.</think><answer>Yes.</answer>\n", "Hm.", "Yes.\n");
	becomes("Hm.</think><answer>Yes.</answer>", "Hm.", "Yes.");
	becomes("<thought>Hm.</thought>\n\n<final_answer>Yes.</final_answer>", "Hm.", "Yes.");
	becomes("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "Hm.", "Yes.");
	becomes("hm<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>", "hm", "Yes.");
	becomes("<|START_RESPONSE|>Yes.<|END_RESPONSE|>", "", "Yes.");
	becomes("<|begin_of_thought|>Hm.<|end_of_thought|>\n\n<|begin_of_solution|>Yes.<|end_of_solution|>", "Hm.",
		"Yes.");
	/* Not so where there was no reasoning, where it came apart from the text, behind other words, or in code. */
	stays_text("<answer>Yes.</answer>");
	stays_text("<response><status>1</status></response>");
	becomes_when("<answer>Yes.</answer>", false, false, "stop", "Hm.", "Hm.", "<answer>Yes.</answer>");
	becomes("<think>Hm.</think>So: <answer>Yes.</answer>", "Hm.", "So: <answer>Yes.</answer>");
	becomes("<think>Hm.</think>`<answer>` is a tag.", "Hm.", "`<answer>` is a tag.");
	/* Nor where it was asked for. */
	asked = true;
	becomes("<think>Hm.</think><answer>Yes.</answer>", "Hm.", "<answer>Yes.</answer>");
	asked = false;
}

static void requests_that_speak_of_tags(void **state)
{
	(void)state;
	assert_true(think_asked_for("Put it between <answer> and </answer>."));
	assert_true(think_asked_for("a < b, <<Chain_Of_Thought>"));
	assert_true(think_asked_for("<cot"));
	assert_false(think_asked_for(""));
	assert_false(think_asked_for("<"));
	assert_false(think_asked_for("answer > thought < cos"));
	assert_false(think_asked_for("</answer> < answer>"));
	assert_false(
		think_asked_for("<think>")); /* of those that are not words of other documents nothing is changed */
}

static void names_with_a_namespace(void **state)
{
	(void)state;
	becomes("<foo:think>Hm.</foo:think>Yes.", "Hm.", "Yes.");
	becomes("<mm:thinking a=\"b\">Hm.</mm:thinking>\nYes.", "Hm.", "Yes.");
	becomes("Hm.\n</mm:think>\nYes.", "Hm.\n", "Yes.");
	stays_text("<foo:answer>Yes.</foo:answer>");
	stays_text("<xs:element>Yes.</xs:element>");
	stays_text("<a_very_long_namespace_that_is_none:think>Yes.");
}

/* A closing tag in a block of code of the reasoning is talk if another one comes. */
static void closed_in_code(void **state)
{
	(void)state;
	becomes("<think>Look:\n```html\n</think>\n```\nSo.</think>\nYes.", "Look:\n```html\n</think>\n```\nSo.",
		"Yes.");
	becomes("Look:\n```\nx</think>y\n```\nSo.\n</think>\n\nYes.", "Look:\n```\nx</think>y\n```\nSo.\n", "Yes.");
	/* A block that the thought never ended: the tag is the end of it. */
	becomes("<think>Look:\n```c\nint i;\n</think>\n\nYes.\n```c\nint k;\n```", "Look:\n```c\nint i;\n",
		"Yes.\n```c\nint k;\n```");
	becomes("<think>Look:\n```c\nint i;</think>Yes.\n", "Look:\n```c\nint i;", "Yes.\n");
	becomes("<think>Look:\n```c\nint i;</think>", "Look:\n```c\nint i;", "");
	becomes("<think>Look:\n```c\nint i;\n```</think>Yes.", "Look:\n```c\nint i;\n```", "Yes.");
}

static void empty_ends(void **state)
{
	(void)state;
	becomes("", "", "");
	becomes("  \n", "", "  \n");
	becomes("<think></think>", "", "");
	becomes("<think> \n</think>\n", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_of_all_names),
		cmocka_unit_test(harmony),
		cmocka_unit_test(a_closing_tag_alone),
		cmocka_unit_test(talk_about_tags),
		cmocka_unit_test(later_blocks),
		cmocka_unit_test(known_to_think),
		cmocka_unit_test(wrapped_answers),
		cmocka_unit_test(requests_that_speak_of_tags),
		cmocka_unit_test(names_with_a_namespace),
		cmocka_unit_test(closed_in_code),
		cmocka_unit_test(empty_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
