import { base, http, take } from './client';

/** Where a picture is; one of a temporary chat is in its id. */
export const imageUrl = (id: string) => (id.startsWith('data:') ? id : `${base}/api/v1/images/${encodeURIComponent(id)}`);
/** Keeps a picture for a message that is yet to be sent: its bytes are the body. */
export const createImage = (bytes: Blob) =>
  take(http.POST('/api/v1/images', { body: bytes as never, bodySerializer: (body) => body as unknown as Blob, headers: { 'Content-Type': bytes.type || 'image/unknown' } }));
/** Gives up one that was not sent. */
export const deleteImage = (id: string) => take(http.DELETE('/api/v1/images/{id}', { params: { path: { id } } }));
