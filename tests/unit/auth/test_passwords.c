/* Passwords that are refused, and those that must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/auth.h"

static bool is_taken(const char *name, const char *password)
{
	struct err e = {0};

	return auth_check_password(name, password, &e) == 0;
}

static void test_refused(void **state)
{
	static const char *const common[] = {"password", "Password", "PASSWORD1", "password123", "passw0rd", "P@ssw0rd",
		"P@ssw0rd123!", "12345678", "123456789", "1234567890", "123456789012", "87654321", "11111111",
		"aaaaaaaa", "00000000", "abcabcabc", "12121212", "abcd1234", "abcdefgh", "qwertyui", "qwertyuiop",
		"qwertyuiop12", "!asdfghjkl7", "2024zxcvbnm!", "1q2w3e4r!77", "qwerty123", "qwerty12", "qwertz123",
		"azertyuiop", "asdfghjkl", "asdf1234", "1q2w3e4r", "1q2w3e4r5t", "q1w2e3r4", "1qaz2wsx", "zaq12wsx",
		"qazwsxedc", "123qweasd", "iloveyou", "iloveyou1", "sunshine", "sunshine1", "princess", "football",
		"baseball1", "superman", "trustno1", "letmein1", "welcome1", "Welcome123!", "Summer2024!", "Winter2023",
		"monkey123", "dragon12", "master123", "michael1", "jennifer", "computer", "starwars", "whatever",
		"changeme", "changeme1", "admin123", "administrator", "secret123", "passwort1", "hallo123", "liverpool",
		"blink182", "atelier1", "atelier2026", "Atelier!!", "anna2026", "passwordpassword", "19841984",
		"01012011", "20111225", "12-25-2011", "!@#$%^&*", "test1234", "test12345", "guest123",
		/* the same in other letters: of full width, of mathematics, in circles, with a long s */
		"\357\275\220\357\275\201\357\275\223\357\275\223\357\275\227\357\275\217\357\275\222\357\275\204",
		"\357\274\260assword\357\274\221", "\360\235\225\241assword", "\342\223\237assword1",
		"pa\305\277\305\277word", "\357\274\2212345678", "q\357\275\227ertyui",
		/* in other scripts */
		"пароль123", "Пароль2024!", "йцукенгш", "йцукен1234", "密码123456", "パスワード2024", "비밀번호1234",
		"密码密码密码密码", "éàéàéàéà"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(common); i++) {
		if (is_taken("anna", common[i]))
			fail_msg("%s is taken", common[i]);
	}
	assert_false(is_taken("anna", "short"));
	/* Characters are counted, not bytes: these have 9 to 28. */
	assert_false(is_taken("anna", "紫河馬"));
	assert_false(is_taken("anna", "çöğüşéà"));
	assert_false(is_taken("anna", "🐙🦑🪼🦀🐚🐡🦐"));
	assert_false(is_taken("bartholomew", "Bartholomew"));
	assert_false(is_taken("bartholomew", "bartholomew!1"));
	assert_false(is_taken("b\303\204rtholomew", "Ba\314\210rtholomew1"));
	assert_false(is_taken("Bartholomew", "\357\274\242artholomew1"));
}

static void test_taken(void **state)
{
	static const char *const good[] = {"right horse", "correct horse battery", "new horse", "tr0ub4dor&3 x",
		"kXw8#mQz", "five small dogs", "dragons eat coal", "monkeywrench and tea", "blue-lamp-47-river",
		"8f3a1c9e77b2", "summertime sadness", "ilovemyoldbike", "password is not my word", "Zu9mPq2LxT",
		"\303\274berall-Br\303\274cke", "passwo\314\201rd\317\200\317\201", "紫の河馬が歌う朝",
		"🐙🦑🪼🦀🐚🐡🦐🐳", "пять маленьких собак"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		if (!is_taken("anna", good[i]))
			fail_msg("%s is refused", good[i]);
	}
	char longest[3 * 1025 + 1] = "";
	for (size_t i = 0; i < 1024; i++)
		memcpy(longest + 3 * i, &"一丁七万丈"[3 * (i % 5)], 3);
	assert_true(is_taken("anna", longest));
	memcpy(longest + sizeof(longest) - 4, "三", 4);
	assert_false(is_taken("anna", longest));
	/* A name of two letters is no word. */
	assert_true(is_taken("xw", "kxw84mqz"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
