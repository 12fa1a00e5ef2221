import { count } from '../format';
import { i18n, t, type Key } from '../i18n/i18n.svelte';
import { LIMIT, limitOf, modelOfLimit } from '../turn/failure';

/**
 * The server's own sentences that people meet most, in the page's language. The server writes English; each row has a sentence
 * as it stands in the server's source, the text that says the same, and the names of what the sentence takes, in its order.
 * What is not here stays as the server said it. `tests/sentences.test.ts` finds a row that the server does not say any more.
 */
type Row = readonly [sentence: string, key: Key, ...names: string[]];

export const rows: readonly Row[] = [
  ['%s Try again in %d second%s.', 'said.tryIn', 'what', 's', ''],
  ['%s%s Trying again in %.1f s.', 'said.retrying', '', 'what', 'seconds'],
  ['%.240s%s Asking %.120s in place of %.120s.', 'said.fallback', '', 'what', 'model', 'other'],
  ['Asking %.150s', 'status.connecting', 'name'],
  ['Too many failed logins.', 'said.failedLogins'],
  ['Too many failed logins with this name or from this address.', 'said.failedLoginsHere'],
  ['Too many wrong tries.', 'said.wrongTries'],
  ['Too many requests.', 'said.tooMany'],
  ['This account is disabled.', 'said.disabled'],
  ['The account is disabled.', 'said.disabled'],
  ['The present password is wrong.', 'said.passwordWrong'],
  ['This link has been used. Ask for a new one.', 'said.linkUsed'],
  ['This link has been used, or another one took its place. Ask for a new one.', 'said.linkUsed'],
  ['This link is too old. Ask for a new one.', 'said.linkOld'],
  ['Only an administrator may do this.', 'said.adminOnly'],
  ['You are not allowed to do this.', 'said.forbidden'],
  ['There is no such thing, or it is not yours.', 'said.notFound'],
  ['This does not fit the present state.', 'said.conflict'],
  ['Another request is changing this just now.', 'said.locked'],
  ['Something went wrong inside Atelier. The log has the details under this request id.', 'said.internal'],
  ['Atelier is busy. Try again in a moment.', 'said.busy'],
  ['Atelier is shutting down.', 'said.stopping'],
  ['The disk is full or cannot be written. Nothing that was stored is lost.', 'said.storage'],
  ['The space for this is used up. Delete something, then try again.', 'said.quota'],
  ['The message has %zu bytes; at most %lld are taken.', 'said.messageLong', 'n', 'max'],
  ['The request has %lld bytes; at most %lld are taken%s.', 'said.requestLong', 'n', 'max', ''],
  ['There is a user named %s already.', 'said.nameTaken', ''],
  ['There is a price for this pattern already.', 'said.patternTaken'],
  ['There is a route for this pattern already.', 'said.patternTaken'],
  ['There is a rule for this pattern already.', 'said.patternTaken'],
  ['There is such a limit already; change its amount.', 'said.patternTaken'],
  ['This is the last administrator: make somebody else one first.', 'said.lastAdmin'],
  ['An answer is being written in this conversation. Wait until it is complete, or stop it first.', 'said.answering'],
  ['This answer has ended already.', 'said.ended'],
  ['This is decided already.', 'said.decided'],
  ['This is decided already, or the time for it is over.', 'said.decided'],
  ['The time to decide this is over.', 'said.timeOver'],
  ['You have %lld answers running already, of at most %lld. Wait for one to end or stop one.', 'said.running', 'n', 'max'],
  ['All %lld places for answers are taken. Try again in a moment.', 'said.fullBriefly', 'n'],
  ['The server stopped in the middle of this answer.', 'said.interrupted'],
  ['No provider offers the model "%.100s" now.', 'said.modelGone', 'model', 'rest'],
  ['No model can be reached. Start Ollama or name a provider in the settings.', 'said.modelNone'],
  ['The model %.120s is not for you. Choose another, or ask an administrator for it.', 'said.modelNotYours', 'model'],
  ['%.120s cannot look at pictures. Choose a model that can, or ask without them.', 'said.noPictures', 'model'],
  ['Nothing answers at %s. Is the provider running?', 'said.nothingAnswers', 'where'],
  ['The name of the provider %s is not known.', 'said.nameUnknown', 'where'],
  ['%s %s within %.12g seconds.', 'said.timedOutAfter', 'who', 'late', 's'],
  ['%s did not answer in time.', 'said.timedOut', 'who'],
  ['%s ended its answer in the middle.', 'said.cut', 'who'],
  ['%s ended the answer in the middle.', 'said.cut', 'who'],
  ['%s closed the connection without an answer. Is it the right port, and has the server there started?', 'said.closed', 'who'],
  ['What answers at %s does not speak HTTP. Is it the right port, or does it want https://?', 'said.noHttp', 'where'],
  ['%s says that the account is used up (%d)%s%s', 'said.account', 'who', 'status', '', 'text'],
  ['%s refused the call (%d%s)%s%s', 'said.refusedCall', 'who', 'status', 'hint', '', 'text'],
  ['%s does not have this model: %s. Try: ollama pull %.60s', 'said.notPulled', 'who', 'text', ''],
  ['%s does not have this model%s%s', 'said.notPulled', 'who', '', 'text'],
  ['%s takes no more requests now (429)%s%s', 'said.theirLimit', 'who', '', 'text'],
  ['%s is busy or starting (%d)%s%s', 'said.theirBusy', 'who', 'status', '', 'text'],
  ['Connected. %zu model%s.', 'said.connected', 'models', ''],
  ['Connected. The server is still loading its model.', 'said.connectedLoading'],
  ['Ollama answers, but has no models. Let it pull one, for example llama3.2.', 'said.noModelsOllama'],
  ['%s answers, but lists no models.', 'said.noModels', 'who'],
  ['This is an Ollama: set the type to Ollama%s.', 'said.typeOllama', 'more'],
  ["This is not Ollama, but a server with OpenAI's API: set the type to OpenAI-compatible.", 'said.typeOpenai'],
  ['There is nothing at this path, but the API stands under /v1 of the same host.', 'said.pathV1'],
  ['The server speaks no TLS: begin the address with http://.', 'said.noTls'],
  ['%s did not answer within 5 seconds. Is the address right, and does a firewall let us through?', 'said.noAnswer5', 'who'],
  ['A web page answers at this address, and no %s.', 'said.webPage', ''],
  ['The server has no list of models at this address (%d). Is the path right?', 'said.noList', 'status'],
  ['%s answered with status %d%s%s', 'said.status', 'who', 'status', '', 'text'],
];

/** What a name of a kind of thing is refused with; the thing is the one whose form is open. */
const NAME_TAKEN = /^(?:There is|You have) an? [a-z ]+ of this name already\.$/;

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A format of C as what it makes. */
function patternOf([sentence, , ...names]: Row): RegExp {
  const made = escaped(sentence).replace(/%(?:\\\.\d+)?(s|d|lld|zu|g|f)/g, (_, kind: string) => (kind === 's' ? '(.*?)' : '(-?[\\d.]+)'));
  return new RegExp(`^${made}${names.at(-1) === 'rest' ? '(.*)' : ''}$`, 's');
}

let compiled: { pattern: RegExp; row: Row }[] | null = null;

const amount = (text: string) => (/^\d+$/.test(text) ? count(Number(text)) : text);

/** Today only the time is told. */
function moment(at: number): string {
  const when = new Date(at);
  const today = when.toDateString() === new Date().toDateString();
  return when.toLocaleString(i18n.language, today ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' });
}

function limitWords(message: string): string | null {
  const m = LIMIT.exec(message);
  if (!m) return null;
  const model = modelOfLimit(m[4]!);
  const [, subject, name] = /^(the group|the key|you|everyone together|model) ?(.*?)(?:, model .+)?$/s.exec(m[4]!) ?? [];
  const whose = { 'the group': 'group', 'the key': 'key', you: 'you', 'everyone together': 'all' }[subject ?? ''] ?? 'model';
  return t('said.limit', {
    amount: amount(m[1]!),
    unit: m[2] ?? 'none',
    period: m[3]!.replace(/^an? /, ''),
    whose,
    name: name ?? '',
    model: model ?? '',
    both: whose !== 'model' && model ? 'yes' : 'no',
    used: amount(m[5]!),
    running: m[6] ? amount(m[6]) : 'none',
    when: moment(limitOf(message)!.until),
  });
}

const HINTS: Record<string, string> = { ', check the key': 'check', ', a key may be needed': 'needed' };

/** What one of the names stands for. */
function valueOf(name: string, text: string): string {
  if (name === 'what') return inWords(text);
  if (name === 'seconds') return Number(text).toLocaleString(i18n.language);
  if (name === 'text') return text.replace(/^[:.]\s*/, '');
  if (name === 'hint') return HINTS[text] ?? 'none';
  if (name === 'more') return text ? 'path' : 'none';
  if (name === 'models') return t('provider.models', { n: Number(text), text: count(Number(text)) });
  return text;
}

/** A sentence of the server in the page's language; an unknown one itself, or with `quotes` as what the server says in English. */
export function inWords(message: string, quotes = false): string {
  const limit = limitWords(message);
  if (limit !== null || i18n.language === 'en') return limit ?? message;
  if (NAME_TAKEN.test(message)) return t('said.nameTaken');
  compiled ??= rows.map((row) => ({ pattern: patternOf(row), row }));
  for (const { pattern, row } of compiled) {
    const found = pattern.exec(message);
    if (!found) continue;
    const [, key, ...names] = row;
    const values = Object.fromEntries(names.map((name, i) => [name, valueOf(name, found[i + 1]!)]));
    // A provider that gave no reason leaves nothing behind the colon.
    return t(key, values).replace(/\s*[:：]\s*$/, '');
  }
  return quotes ? t('said.server', { message }) : message;
}
