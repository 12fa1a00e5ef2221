/*
 * The reasoning of models by name: what each writes, by its template and by the parsers of the servers that run it, where a
 * server hands it over as text. Each comes in two pieces, cut at every character, and in characters.
 */
#include "streams.h"

#include "thinking.h"

struct said {
	const char *model, *text, *reasoning, *answer;
};

static void check(const struct said *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		becomes(all[i].text, all[i].reasoning, all[i].answer);
		/* Also where nothing can be moved, unless only the closing tag tells. */
		if (all[i].text[0] == '<' || all[i].text[0] == '[')
			becomes_when(all[i].text, false, true, "stop", NULL, all[i].reasoning, all[i].answer);
		/* The next answers of a model of which it is known. */
		becomes_when(all[i].text, true, false, "stop", NULL, all[i].reasoning, all[i].answer);
		becomes_when(all[i].text, true, true, "stop", NULL, all[i].reasoning, all[i].answer);
	}
}

/* <think> and what it is called elsewhere, with what stands around the answer. */
static void tags(void **state)
{
	static const struct said all[] = {
		{"Qwen3", "<think>\nHm.\n</think>\n\nYes.", "Hm.\n", "Yes."},
		{"Qwen3, thinking off", "<think>\n\n</think>\n\nYes.", "", "Yes."},
		{"DeepSeek-R1-Distill, both", "<think>\n<think>\nHm.\n</think>\n\nYes.", "Hm.\n", "Yes."},
		{"QwQ, a token doubled", "<think><think>Hm.</think>Yes.", "Hm.", "Yes."},
		{"GLM-4.5", "\n<think>Hm.</think>\nYes.", "Hm.", "Yes."},
		{"GLM-4.5, thinking off", "\n<think></think>\nYes.", "", "Yes."},
		{"GLM-4.5V", "<think>Hm.</think><|begin_of_box|>42<|end_of_box|>", "Hm.", "42"},
		{"GLM-4.1V-Thinking", "<think>Hm.</think><answer>It is <|begin_of_box|>42<|end_of_box|>.</answer>",
			"Hm.", "It is 42."},
		{"Kimi-VL-Thinking", "\u25c1think\u25b7Hm.\u25c1/think\u25b7Yes.", "Hm.", "Yes."},
		{"Kimi-K3",
			"<|open|>think<|sep|>Hm.<|close|>think<|sep|><|open|>response<|sep|>Yes."
			"<|close|>response<|sep|><|close|>message<|sep|>",
			"Hm.", "Yes."},
		{"MiniMax-M2", "<think>\nHm.\n</think>\n\nYes.", "Hm.\n", "Yes."},
		{"MiniMax-M3", "<mm:think>\nHm.\n</mm:think>\n\nYes.", "Hm.\n", "Yes."},
		{"MiniMax-M2, interleaved", "<think>A.</think>\nFirst.\n<think>B.</think>\nSecond.", "A.\n\nB.",
			"First.\nSecond."},
		{"Seed-OSS",
			"<seed:think>\nHm.<seed:cot_budget_reflect>used 5</seed:cot_budget_reflect>\n</seed:think>Yes.",
			"Hm.<seed:cot_budget_reflect>used 5</seed:cot_budget_reflect>\n", "Yes."},
		{"Seed, a token of later versions",
			"<think_never_used_51bce0c785ca2f68081bfa7d91973934>Hm."
			"</think_never_used_51bce0c785ca2f68081bfa7d91973934>Yes.",
			"Hm.", "Yes."},
		{"Seed-2",
			"<seed:think_never_used_51bce0c785ca2f68081bfa7d91973934>Hm."
			"</seed:think_never_used_51bce0c785ca2f68081bfa7d91973934>Yes.",
			"Hm.", "Yes."},
		{"Hunyuan-A13B", "<think>\nHm.\n</think>\n<answer>\nYes.\n</answer>", "Hm.\n", "Yes.\n"},
		{"Hy3, with a suffix", "<think:opensource>Hm.</think:opensource>Yes.", "Hm.", "Yes."},
		{"LongCat-Flash-Thinking", "<longcat_think>\nHm.\n</longcat_think>\nYes.", "Hm.\n", "Yes."},
		{"ERNIE-4.5-Thinking", "<think>\nHm.\n</think>\n\n<response>\nYes.\n</response>\n", "Hm.\n",
			"Yes.\n\n"},
		{"Granite-3.3", "<think>Hm.</think><response>Yes.</response>", "Hm.", "Yes."},
		{"EXAONE-Deep", "<thought>\nHm.\n</thought>\n\nYes.", "Hm.\n", "Yes."},
		{"Gemini, by its OpenAI door", "<thought>Hm.\n</thought>Yes.", "Hm.\n", "Yes."},
		{"Marco-o1", "<Thought>\nHm.\n</Thought>\n<Output>\nYes.\n</Output>", "Hm.\n", "Yes.\n"},
		{"Reflection", "<thinking>\nHm. <reflection>No.</reflection>\n</thinking>\n\n<output>\nYes.\n</output>",
			"Hm. <reflection>No.</reflection>\n", "Yes.\n"},
		{"Phi-4-reasoning", "<think>User asks. Hm.</think>\nYes.", "User asks. Hm.", "Yes."},
		{"SmolLM3", "<think>\nHm.\n</think>\nYes.", "Hm.\n", "Yes."},
		{"K2-Think", "<think>Hm.</think><answer>Yes.</answer>", "Hm.", "Yes."},
		{"Magistral", "[THINK]Hm.[/THINK]Yes.", "Hm.", "Yes."},
		{"openPangu", "[unused16]Hm.[unused17]Yes.", "Hm.", "Yes."},
		{"Apertus", "<|inner_prefix|>Hm.<|inner_suffix|>Yes.", "Hm.", "Yes."},
		{"Command A Reasoning", "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Yes.<|END_RESPONSE|>",
			"Hm.", "Yes."},
		{"Sky-T1",
			"<|begin_of_thought|>\n\nHm.\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\nYes.\n"
			"<|end_of_solution|>",
			"Hm.\n", "Yes.\n"},
		{"Solar-Open-2", "<|think:start|>Hm.<|think:end|>Yes.", "Hm.", "Yes."},
		{"Gemma-4", "<|channel>thought\nHm.\n<channel|>Yes.", "Hm.\n", "Yes."},
		{"Gemma-4, nothing thought", "<|channel>thought\n<channel|>Yes.", "", "Yes."},
		{"MedGemma", "<unused94>thought\nHm.<unused95>Yes.", "Hm.", "Yes."},
		{"other tokens", "<|start_of_reasoning|>Hm.<|end_of_reasoning|>Yes.", "Hm.", "Yes."},
		{"other tokens", "<|thinking|>Hm.<|/thinking|>Yes.", "Hm.", "Yes."},
		{"other tokens", "<|cot_start|>Hm.<|cot_end|>Yes.", "Hm.", "Yes."},
	};
	(void)state;
	check(all, N_ELEMENTS(all));
}

/* The template opened the tag in the prompt. */
static void closed_alone(void **state)
{
	static const struct said all[] = {
		{"DeepSeek-R1", "Hm.\n</think>\n\nYes.", "Hm.\n", "Yes."},
		{"Qwen3-Thinking-2507", "Okay.\n\nHm.\n</think>\n\nYes.", "Okay.\n\nHm.\n", "Yes."},
		{"Step3", "Hm.</think>Yes.", "Hm.", "Yes."},
		{"Nemotron-3-Nano", "Hm.\n</think>\nYes.", "Hm.\n", "Yes."},
		{"OLMo-3-Think", "Okay, hm.</think>Yes.", "Okay, hm.", "Yes."},
		{"DeepSeek-V3.1, thinking off", "</think>Yes.", "", "Yes."},
		{"GLM-4.7, thinking off", "</think>\nYes.", "", "Yes."},
		{"LongCat-Flash-Thinking", "Hm.\n</longcat_think>\nYes.", "Hm.\n", "Yes."},
		{"Seed", "Hm.</think_never_used_51bce0c785ca2f68081bfa7d91973934>Yes.", "Hm.", "Yes."},
		{"Kimi-K3", "Hm.<|close|>think<|sep|><|open|>response<|sep|>Yes.<|close|>response<|sep|>", "Hm.",
			"Yes."},
		{"Solar-Open-2", "hm<|think:end|>Yes.", "hm", "Yes."},
		{"Apertus", "hm<|inner_suffix|>Yes.", "hm", "Yes."},
		{"openPangu", "hm[unused17]Yes.", "hm", "Yes."},
		{"Apriel-1.5", "Hm.\n[BEGIN FINAL RESPONSE]\nYes.\n[END FINAL RESPONSE]", "Hm.\n", "Yes.\n"},
		{"Hunyuan", "Hm.\n</think>\n<answer>\nYes.\n</answer>", "Hm.\n", "Yes.\n"},
	};
	(void)state;
	check(all, N_ELEMENTS(all));
}

/* Parts of an answer that each begin with their name. */
static void channels(void **state)
{
	static const struct said all[] = {
		{"gpt-oss", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
			"Hm.", "Yes."},
		{"gpt-oss, with a preamble",
			"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>I "
			"look."
			"<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
			"Hm.", "I look.Yes."},
		{"gpt-oss, thinking twice",
			"<|channel|>analysis<|message|>A.<|end|><|start|>assistant<|channel|>analysis<|message|>B.<|"
			"end|>"
			"<|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
			"A.\n\nB.", "Yes."},
		{"gpt-oss, a schema", "<|channel|>final <|constrain|>json<|message|>{\"a\":1}<|return|>", "",
			"{\"a\":1}"},
		{"gpt-oss, a call that stayed text",
			"<|channel|>commentary to=functions.add <|constrain|>json<|message|>{\"a\":1}<|call|>", "",
			"to=functions.add {\"a\":1}"},
		{"gpt-oss, two, and a preamble",
			"<|channel|>commentary<|message|>I add.<|end|><|start|>assistant<|channel|>commentary "
			"to=functions.add "
			"<|constrain|>json<|message|>{\"a\":1}<|call|><|start|>assistant<|channel|>commentary "
			"to=functions.add <|constrain|>json<|message|>{\"a\":2}<|call|>",
			"", "I add.\nto=functions.add {\"a\":1}\nto=functions.add {\"a\":2}"},
		{"Solar-Open", "<|think|>Hm.<|end|><|begin|>assistant<|content|>Yes.<|flush|>", "Hm.", "Yes."},
		{"Solar-Open, twice",
			"<|think|>A.<|end|><|begin|>assistant<|content|>One.<|end|><|begin|>assistant<|think|>B.<|end|>"
			"<|begin|>assistant<|content|>Two.",
			"A.\n\nB.", "One.Two."},
		{"Solar-Open, thinking off", "<|content|>Yes.<|flush|>", "", "Yes."},
		{"Inkling",
			"<|content_thinking|>Hm.<|end_message|><|message_model|><|content_text|>Yes.<|end_message|>"
			"<|content_model_end_sampling|>",
			"Hm.", "Yes."},
		{"Inkling, no thought", "<|content_text|>Yes.<|end_message|>", "", "Yes."},
	};
	(void)state;
	check(all, N_ELEMENTS(all));
}

/* Sentences that models were trained to begin with. */
static void sentences(void **state)
{
	static const struct said all[] = {
		{"Granite-3.2", "Here is my thought process:\nHm.\n\nHere is my response:\nYes.", "Hm.\n\n", "Yes."},
		{"Granite-3.2", "Here's my thought process: Hm. Here is my response: Yes.", "Hm. ", "Yes."},
		{"Granite-3.2", "Here is my thought process: Hm. Here's my response: Yes.", "Hm. ", "Yes."},
		{"Apriel-1.6",
			"Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]\nYes.\n[END FINAL RESPONSE]\n",
			"Hm.\n", "Yes.\n\n"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		for (size_t cut = 5; cut <= strlen(all[i].text); cut++) { /* what is shorter is no beginning yet */
			struct told o = think(all[i].text, cut, false, false, "stop", NULL);
			same(&o, all[i].reasoning, all[i].answer, all[i].text);
		}
}

/* What looks like one of them, and is an answer. */
static void answers(void **state)
{
	(void)state;
	stays_text("let f = a <| g b");
	stays_text("<|im_start|> begins a turn, <|im_end|> ends it.");
	stays_text("x = [unused1], [unused] and [1].");
	stays_text("<thing>1</thing><rethink>2</rethink>");
	stays_text("<thinker_list><thinker>Kant</thinker></thinker_list>");
	stays_text("Use `<|think|>` and `<|inner_prefix|>` there.");
	stays_text("[BEGIN] and [END FINAL] are no marks.");
	stays_text("The unthinkable <b>is</b> a <i>thought</i>.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
		cmocka_unit_test(closed_alone),
		cmocka_unit_test(channels),
		cmocka_unit_test(sentences),
		cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
