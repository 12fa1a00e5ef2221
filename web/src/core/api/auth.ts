import { http, take } from './client';

export const me = () => take(http.GET('/api/v1/me'));
export const logIn = (username: string, password: string) =>
  take(http.POST('/api/v1/auth/login', { body: { username, password } }));
export const logOut = () => take(http.POST('/api/v1/auth/logout'));
export const setUp = (code: string, username: string, password: string) =>
  take(http.POST('/api/v1/setup', { body: { code, username, password } }));
export const useLink = (token: string, new_password: string) =>
  take(http.POST('/api/v1/auth/link', { body: { token, new_password } }));
export const changePassword = (current_password: string, new_password: string, end_api_keys: boolean) =>
  take(http.POST('/api/v1/me/password', { body: { current_password, new_password, end_api_keys } }));
