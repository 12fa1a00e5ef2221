import { http, take } from './client';

export const me = () => take(http.GET('/api/v1/me'));
export const setupNeeded = async () => (await take(http.GET('/api/v1/setup'))).needed;
export const logIn = (username: string, password: string) =>
  take(http.POST('/api/v1/auth/login', { body: { username, password } }));
export const logOut = () => take(http.POST('/api/v1/auth/logout'));
export const setUp = (code: string, username: string, password: string) =>
  take(http.POST('/api/v1/setup', { body: { code, username, password } }));
export const changePassword = (current_password: string, new_password: string, end_api_keys: boolean) =>
  take(http.POST('/api/v1/me/password', { body: { current_password, new_password, end_api_keys } }));

/** After the right password: whether the browser has kept the session, without which the next page is this one again. */
export async function staysSignedIn(): Promise<boolean> {
  const { response } = await http.GET('/api/v1/me');
  return response.status !== 401;
}
