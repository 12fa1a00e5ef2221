/*
 * oauth_words.c - a table with a row for each language, English first, and which of them a browser prefers (Accept-Language): what
 * says nothing that we have gets the first. They stand here and not with the web page's, as these pages are made by the server
 * alone.
 */
#include "api/oauth_words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base.h"

/* clang-format off */
static const struct oauth_words all[] = {
	{.lang = "en",
		.sign_in = "Sign in first",
		.sign_in_why = "A program wants to use Atelier as you. Sign in to Atelier in this browser, then go on here.",
		.new_tab = "Sign in, in a new tab", .go_on = "Go on",
		.wants = {"This program (it calls itself so) wants to use Atelier as ", ": with an API key that does whatever you may do here."},
		.ends = "The key ends after 90 days.", .renews = "The key ends when the program has not been used for 90 days.",
		.settings = "Under Settings, API keys, you can end it earlier.", .sent = "You are then sent to",
		.only = "Say yes only if you have just begun this yourself.", .yes = "Allow", .no = "Do not allow",
		.misunderstood = {"The program asked in a way that is not understood here (", ")."},
		.unknown_program = "This program has not registered here, or not with this Atelier. Have it sign in anew.",
		.other_address = "The program wants to be called back at an address that it has not registered.",
		.not_yours = "This was asked of somebody else, or too long ago. Have the program sign in anew.",
		.back = "Back to the program"},
	{.lang = "de",
		.sign_in = "Melden Sie sich zuerst an",
		.sign_in_why = "Ein Programm möchte Atelier in Ihrem Namen nutzen. Melden Sie sich in diesem Browser bei Atelier an und machen Sie dann hier weiter.",
		.new_tab = "Anmelden, in einem neuen Tab", .go_on = "Weiter",
		.wants = {"Dieses Programm (so nennt es sich selbst) möchte Atelier nutzen als ", ": mit einem API-Schlüssel, der alles tut, was Sie hier dürfen."},
		.ends = "Der Schlüssel endet nach 90 Tagen.", .renews = "Der Schlüssel endet, wenn das Programm 90 Tage lang nicht genutzt wurde.",
		.settings = "Unter Einstellungen, API-Schlüssel, können Sie ihn früher beenden.", .sent = "Danach geht es weiter zu",
		.only = "Stimmen Sie nur zu, wenn Sie dies gerade selbst begonnen haben.", .yes = "Erlauben", .no = "Nicht erlauben",
		.misunderstood = {"Das Programm hat auf eine Weise gefragt, die hier nicht verstanden wird (", ")."},
		.unknown_program = "Dieses Programm hat sich hier nicht registriert, oder nicht bei diesem Atelier. Lassen Sie es sich neu anmelden.",
		.other_address = "Das Programm möchte an einer Adresse zurückgerufen werden, die es nicht registriert hat.",
		.not_yours = "Dies wurde jemand anderen gefragt, oder vor zu langer Zeit. Lassen Sie das Programm sich neu anmelden.",
		.back = "Zurück zum Programm"},
	{.lang = "es",
		.sign_in = "Primero hay que iniciar sesión",
		.sign_in_why = "Un programa quiere usar Atelier en nombre de quien está aquí. Hay que iniciar sesión en Atelier en este navegador y continuar después aquí.",
		.new_tab = "Iniciar sesión en otra pestaña", .go_on = "Continuar",
		.wants = {"Este programa (así se llama a sí mismo) quiere usar Atelier como ", ": con una clave de API que puede hacer todo lo que esta cuenta puede hacer aquí."},
		.ends = "La clave termina a los 90 días.", .renews = "La clave termina cuando el programa no se ha usado durante 90 días.",
		.settings = "En Ajustes, Claves de API, se puede terminar antes.", .sent = "Después se continúa en",
		.only = "Conviene aceptar solo si esto se acaba de iniciar personalmente.", .yes = "Permitir", .no = "No permitir",
		.misunderstood = {"El programa ha preguntado de una manera que aquí no se entiende (", ")."},
		.unknown_program = "Este programa no se ha registrado aquí, o no en este Atelier. Tiene que iniciar sesión de nuevo.",
		.other_address = "El programa quiere que se le devuelva la llamada en una dirección que no ha registrado.",
		.not_yours = "Esto se preguntó a otra persona, o hace demasiado tiempo. El programa tiene que iniciar sesión de nuevo.",
		.back = "Volver al programa"},
	{.lang = "fr",
		.sign_in = "Connectez-vous d’abord",
		.sign_in_why = "Un programme veut utiliser Atelier en votre nom. Connectez-vous à Atelier dans ce navigateur, puis continuez ici.",
		.new_tab = "Se connecter dans un nouvel onglet", .go_on = "Continuer",
		.wants = {"Ce programme (c’est ainsi qu’il se nomme) veut utiliser Atelier en tant que ", " : avec une clé d’API qui fait tout ce que vous pouvez faire ici."},
		.ends = "La clé prend fin après 90 jours.", .renews = "La clé prend fin lorsque le programme n’a pas été utilisé pendant 90 jours.",
		.settings = "Dans Paramètres, Clés d’API, vous pouvez y mettre fin plus tôt.", .sent = "Vous serez ensuite renvoyé vers",
		.only = "N’acceptez que si vous venez de commencer ceci vous-même.", .yes = "Autoriser", .no = "Ne pas autoriser",
		.misunderstood = {"Le programme a demandé d’une manière qui n’est pas comprise ici (", ")."},
		.unknown_program = "Ce programme ne s’est pas enregistré ici, ou pas auprès de cet Atelier. Faites-le se connecter à nouveau.",
		.other_address = "Le programme veut être rappelé à une adresse qu’il n’a pas enregistrée.",
		.not_yours = "Ceci a été demandé à quelqu’un d’autre, ou il y a trop longtemps. Faites le programme se connecter à nouveau.",
		.back = "Retour au programme"},
	{.lang = "ja",
		.sign_in = "先にサインインしてください",
		.sign_in_why = "あるプログラムが、あなたとして Atelier を使おうとしています。このブラウザーで Atelier にサインインしてから、ここで続けてください。",
		.new_tab = "新しいタブでサインイン", .go_on = "続ける",
		.wants = {"このプログラム（自称の名前です）が、Atelier を次の人として使おうとしています：", "。ここであなたにできることをすべて行える API キーを受け取ります。"},
		.ends = "キーは 90 日後に終わります。", .renews = "プログラムが 90 日間使われないと、キーは終わります。",
		.settings = "「設定」の「API キー」で、それより早く終わらせることができます。", .sent = "その後の移動先：",
		.only = "たった今ご自身で始めた場合にだけ許可してください。", .yes = "許可する", .no = "許可しない",
		.misunderstood = {"プログラムの求め方が、ここでは理解できません（", "）。"},
		.unknown_program = "このプログラムはここに登録されていないか、別の Atelier に登録されています。プログラムでもう一度サインインしてください。",
		.other_address = "プログラムが、登録していないアドレスに戻ろうとしています。",
		.not_yours = "これは別の人への確認か、古すぎる確認です。プログラムでもう一度サインインしてください。",
		.back = "プログラムに戻る"},
	{.lang = "zh",
		.sign_in = "请先登录",
		.sign_in_why = "有一个程序想以您的身份使用 Atelier。请在此浏览器中登录 Atelier，然后在这里继续。",
		.new_tab = "在新标签页中登录", .go_on = "继续",
		.wants = {"这个程序（名称由其自称）想以此身份使用 Atelier：", "。它会得到一个 API 密钥，可以做您在这里能做的一切。"},
		.ends = "该密钥在 90 天后失效。", .renews = "程序连续 90 天未使用时，该密钥失效。",
		.settings = "在“设置”的“API 密钥”中可以提前将其停用。", .sent = "之后将转到：",
		.only = "只有在您刚刚亲自开始此操作时才同意。", .yes = "允许", .no = "不允许",
		.misunderstood = {"程序的请求方式在这里无法理解（", "）。"},
		.unknown_program = "这个程序没有在这里注册，或者注册在另一个 Atelier。请让它重新登录。",
		.other_address = "程序想返回到一个它没有注册的地址。",
		.not_yours = "这是向别人询问的，或者时间过久。请让程序重新登录。",
		.back = "返回程序"},
};
/* clang-format on */

/* Which of them a range is: "de", "de-AT", "*". NULL: none. */
static const struct oauth_words *words_of(const char *range, size_t n)
{
	size_t primary = strcspn(range, "-,; \t");

	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if (primary == strlen(all[i].lang) && primary <= n && strncasecmp(range, all[i].lang, primary) == 0)
			return &all[i];
	return NULL;
}

const struct oauth_words *oauth_words_for(const char *accept_language)
{
	const struct oauth_words *best = &all[0];
	double best_weight = 0;

	for (const char *at = accept_language; at && *at; at += *at == ',') {
		at += strspn(at, " \t");
		size_t n = strcspn(at, ",");
		const struct oauth_words *words = words_of(at, n);
		const char *q = memmem(at, n, "q=", 2);
		double weight = q ? strtod(q + 2, NULL) : 1;

		if (words && weight > best_weight) {
			best = words;
			best_weight = weight;
		}
		at += n;
	}
	return best;
}
