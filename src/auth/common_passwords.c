/*
 * common_passwords.c - passwords that are among the first to be guessed. What people choose is few words with a number or
 * a sign added, or a walk over the keyboard; so what is looked for is how a password is made, and not a long list of them.
 */
#include <ctype.h>

#include "auth/auth_priv.h"
#include "base/fold.h"
#include "base/utf8.h"

#define LONGEST    64 /* a longer one is none of these, unless it says the same again and again */
#define RUN_MIN    3  /* signs of a walk over the keyboard */
#define WALK_MIN   6  /* signs of a walk that little was added to */
#define ADDED_MAX  5  /* digits and signs beside a word, like 2024! */
#define PIECE_MAX  4  /* characters of what is repeated: abcabcabc */
#define FOLDED_MAX ((size_t)32 << 10)
#define NUMBER_MAX 10 /* digits of a date or a telephone number */

/* The commonest words of passwords, by what they are. */
static const char words[] =
	/* the thing itself */
	" password passwort passwd pass passcode parola motdepasse contrasena senha wachtwoord haslo geheim secret "
	"topsecret "
	"login signin letmein welcome willkommen bienvenue access open opensesame sesame enter default changeme change "
	"changeit newpass newpassword mypass mypassword guest user username root toor admin administrator adminadmin "
	"superuser sysadmin system server master test testing tester temp temporary demo sample example trustno "
	"trustnoone "
	"nothing whatever something blank none private security secure unlock iforgot forgot please abc abcabc atelier "
	/* love and swearing */
	"iloveyou iloveu ilovegod ilovejesus loveyou loveme lovely love lovers lover luvyou forever always kisses "
	"kissme "
	"sweetheart sweetie sweet honey honeybee baby babygirl babyboy babydoll beautiful handsome sexy hottie "
	"gorgeous "
	"darling angel angels angelo princess princesa prince queen king queenbee fuckyou fuckoff fuckme asshole "
	"bullshit "
	"bitch bastard shithead shit screwyou killer "
	/* names */
	"michael michelle jennifer jessica ashley amanda nicole daniel daniela danielle matthew andrew anthony joshua "
	"jordan justin robert thomas william charlie charles christian christopher christine christina alexander "
	"alexandra "
	"alexandre alexis samantha samuel stephanie stephen steven victoria vanessa veronica elizabeth isabella "
	"gabriel "
	"gabriela natalie natasha nathan nicholas benjamin brandon brandy brittany caroline carolina catherine "
	"katherine "
	"cameron chelsea claudia cynthia deborah dominic dominique eduardo edward elaine fernando francis francesco "
	"francisco frederick george giovanni hannah heather jackson jasmine jeremy jonathan joseph josephine julian "
	"juliana "
	"kimberly kristina lauren leonardo lorenzo madison margaret maria mariana marianne martin martina maxwell "
	"melissa "
	"miranda monica morgan olivia patricia patrick peter phillip rachel raymond rebecca ricardo richard sabrina "
	"sandra "
	"sebastian shannon simone sophie stefan tamara taylor theresa tiffany valentina valeria vincent virginia "
	"walter "
	"winston andrea anna barbara bailey buster casey chester cookie cooper dakota ginger harley hunter jasper "
	"maggie "
	"molly oliver oscar pepper peanut rocky rusty sammy scooter shadow smokey sparky tigger toby tucker winnie max "
	/* animals and nature */
	"monkey dragon tiger tigers eagle eagles falcon falcons panther panthers lion lions dolphin dolphins elephant "
	"butterfly ladybug kitten kittycat kitty puppy doggie horses mustang stallion rabbit bunny snoopy turtle "
	"spider "
	"scorpion cobra phoenix unicorn penguin buffalo bulldog bulldogs jaguar wolf wolverine wolves sunshine "
	"sunflower "
	"sunrise sunset summer winter spring autumn sommer herbst flower flowers rainbow moonlight midnight starlight "
	"stardust thunder lightning hurricane tornado diamond crystal emerald sapphire silver golden blue purple "
	"orange "
	"yellow green black white red pink forest mountain ocean river island paradise heaven earth nature rosebud "
	"cherry "
	"strawberry blueberry banana apple apples pineapple peaches mango lemon chocolate cupcake cheese chicken "
	"cookies "
	"pancake popcorn pumpkin coffee pepsi cocacola whiskey vodka tequila budweiser "
	/* play, film, music */
	"football fussball soccer baseball basketball hockey golf golfer tennis volleyball swimming softball cricket "
	"boxing "
	"liverpool arsenal chelseafc manchester manutd barcelona realmadrid juventus bayern dortmund schalke celtic "
	"rangers "
	"yankees redsox lakers cowboys steelers packers patriots dallas giants dodgers raiders ravens broncos ronaldo "
	"messi superman batman spiderman ironman wonderwoman hulk joker avengers marvel pokemon pikachu charizard "
	"naruto "
	"goku sasuke minecraft fortnite roblox callofduty counterstrike warcraft starcraft zelda mario sonic nintendo "
	"playstation xbox gaming gamer player starwars skywalker darthvader yoda jedi startrek matrix gandalf frodo "
	"hobbit "
	"harrypotter hogwarts hermione voldemort gryffindor simpsons bart homer mickey minnie mickeymouse goofy "
	"cinderella "
	"tinkerbell hellokitty garfield scoobydoo spongebob barbie metallica slipknot nirvana greenday linkinpark "
	"eminem "
	"beatles rockstar rocknroll rammstein ironmaiden blink guitar music musica drummer piano dancer dance hiphop "
	/* things, places, times */
	"computer internet samsung iphone android apple macintosh windows microsoft google facebook twitter instagram "
	"yahoo "
	"hotmail linkedin youtube amazon paypal bitcoin hacker hello hallo helloworld bonjour hola ciao goodbye "
	"freedom "
	"liberty america american canada mexico london paris berlin hamburg muenchen deutschland england scotland "
	"ireland "
	"france italia italy espana spain portugal brasil brazil argentina colombia india pakistan turkiye istanbul "
	"russia "
	"ukraine polska china japan tokyo australia sydney newyork california florida texas chicago boston denver "
	"phoenix "
	"monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
	"september "
	"october november december januar februar oktober dezember christmas halloween birthday holiday weekend "
	"vacation "
	"ferrari porsche mercedes corvette camaro chevrolet yamaha kawasaki suzuki honda toyota volkswagen audi bmw "
	"ducati "
	"harleydavidson jesus jesuschrist christ godisgood blessed blessing believe faith church bible family mother "
	"father mommy daddy brother sister friend friends bestfriend teacher student school college company office "
	"work "
	"success winner lucky number money dollar million business marketing finance marine army soldier sniper "
	"warrior "
	"knight wizard magic mystery legend genius champion captain pirate ninja samurai viking cowboy rebel outlaw "
	"hardcore extreme power energy infinity destiny fantasy creative awesome amazing perfect super cool blahblah "
	"asshole blowjob pussy pornhub mustangs stupid idiot loser qwerty azerty "
	/* in other scripts, with the walks over their keyboards */
	"пароль парол привет любовь наташа максим солнышко спартак йцукен йцукенг йцукенгш йцукенгшщз йцукенгшщзхъ "
	"фывапролд фывапролджэ κωδικοσ 密码 密碼 我爱你 我愛你 パスワード ぱすわーど 비밀번호 사랑해 كلمةالسر رمزعبور "
	"סיסמה ";

static const char *const rows[] = {"12345678901", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop",
	"azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm", "wxcvbn", "qaz", "wsx", "edc", "rfv", "tgb",
	"yhn", "ujm", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "qwaszx", "!@#$%^&*()", "!\"$%&/()="};

/* Letters that are often written as something else, as letters again. */
static char letter_of(char c)
{
	static const char looks[] = "@a4a3e1i!i0o$s5s7t";

	for (size_t i = 0; i + 1 < sizeof(looks); i += 2)
		if (looks[i] == c)
			return looks[i + 1];
	return c;
}

/* ---- walks over the keyboard ---- */

static bool follows(char a, char b)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const char *at = strchr(rows[i], a);

		if (at && b && (at[1] == b || (at > rows[i] && at[-1] == b)))
			return true;
	}
	return false;
}

/* How many signs from the start on are one walk, or the same sign again. `step`: each of them, or each second. */
static size_t run_of(const char *p, size_t n, size_t step)
{
	size_t k = 1;

	while (k * step < n && (p[(k - 1) * step] == p[k * step] || follows(p[(k - 1) * step], p[k * step])))
		k++;
	return k;
}

/* 1q2w3e4r: two walks, a sign of each in turn. */
static bool is_two_walks(const char *p, size_t n)
{
	return n >= 6 && run_of(p, n, 2) == (n + 1) / 2 && run_of(p + 1, n - 1, 2) == n / 2;
}

static bool is_walk(const char *p, size_t n)
{
	while (n > 0) {
		size_t k = run_of(p, n, 1);

		if (k < RUN_MIN)
			return is_two_walks(p, n);
		p += k;
		n -= k;
	}
	return true;
}

/* Digits and signs beside a word: few, or a walk. */
static bool is_added(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isalpha((unsigned char)p[i]) || (unsigned char)p[i] >= 128)
			return is_walk(p, n);
	return n <= ADDED_MAX || is_walk(p, n);
}

/* ---- words ---- */

static bool is_word(const char *p, size_t n)
{
	char word[LONGEST + 3];

	if (n < 3 || n > LONGEST || memchr(p, ' ', n))
		return false;
	word[0] = ' ';
	memcpy(word + 1, p, n);
	word[n + 1] = ' ';
	word[n + 2] = '\0';
	return strstr(words, word) != NULL;
}

/* Some part of it is a word, a walk or the name, and the rest was only added. */
static bool is_word_with_more(const char *plain, const char *spelled, size_t n, const char *name)
{
	size_t n_name = strlen(name);

	for (size_t from = 0; from < n; from++) {
		for (size_t len = n - from; len >= 3; len--) {
			bool known = is_word(plain + from, len) || is_word(spelled + from, len) ||
				     (len >= WALK_MIN && is_walk(plain + from, len)) ||
				     (len == n_name && memcmp(plain + from, name, len) == 0);

			if (known && is_added(plain, from) && is_added(plain + from + len, n - from - len))
				return true;
		}
	}
	return false;
}

/* The bytes of the shortest piece that the whole is made of, again and again. */
static size_t piece_of(const char *p, size_t n)
{
	for (size_t k = 1; k <= n / 2; k++)
		if (n % k == 0 && memcmp(p, p + k, n - k) == 0)
			return k;
	return n;
}

static bool is_number(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)p[i]) && !strchr("-./ ", p[i]))
			return false;
	return n <= NUMBER_MAX;
}

/* As letters are compared everywhere here: one of full width is the same one. */
static struct str folded(const char *text, struct buf *b)
{
	fold_add(b, text, strlen(text));
	return buf_status(b) < 0 || !b->n ? str_from(text) : buf_str(b);
}

const char *auth_common_password(const char *name, const char *password)
{
	CLEANUP(buf_wipe) struct buf name_memory = BUF_INIT(FOLDED_MAX), memory = BUF_INIT(FOLDED_MAX);
	char plain[LONGEST + 1], spelled[LONGEST + 1];
	struct str p = folded(password, &memory);
	size_t n = piece_of(p.p, p.n);

	if (utf8_count(p.p, n) <= PIECE_MAX)
		return "says the same again and again";
	if (n > LONGEST)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		plain[i] = p.p[i];
		spelled[i] = letter_of(plain[i]);
	}
	plain[n] = spelled[n] = '\0';
	if (is_number(plain, n))
		return "is a short number";
	if (is_walk(plain, n))
		return "follows the keys of the keyboard";
	if (is_word_with_more(plain, spelled, n, folded(name, &name_memory).p))
		return "is a name, a common word or a row of keys with little added";
	return NULL;
}
