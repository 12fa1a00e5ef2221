import { t } from './i18n/i18n.svelte';

/** Models look at no more than so many pixels of the longer side. */
export const SIDE = 1568;
/** What the server takes as a whole. */
const BYTES = 4_000_000;

/** Photos as phones of Apple make them, which neither browsers nor models read. */
const isHeic = (head: Uint8Array) => /^.{4}ftyp(hei|hev|mif1|msf1)/s.test(String.fromCharCode(...head));

/** The size that a picture gets, its longer side no more than SIDE. */
export function sizeOf(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/**
 * A picture as it is sent: made smaller where it is large, and `bare`, without what was written beside it (as where a photo
 * was taken), when the server does not do that. Throws in words that are for people.
 */
export async function shrink(file: Blob, bare = false): Promise<Blob> {
  if (isHeic(new Uint8Array(await file.slice(0, 12).arrayBuffer()))) throw new Error(t('pictures.heic'));
  // One that moves would stand still.
  if (!bare && file.type === 'image/gif' && file.size <= BYTES) return file;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    throw new Error(t('pictures.unreadable'));
  }
  try {
    const { width, height } = sizeOf(bitmap.width, bitmap.height);
    if (!bare && width === bitmap.width && file.size <= BYTES) return file;
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d')!;
    const opaque = file.type !== 'image/png';
    if (opaque) {
      context.fillStyle = 'white';
      context.fillRect(0, 0, width, height);
    }
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, width, height);
    const as = (type: string) => new Promise<Blob | null>((done) => canvas.toBlob(done, type, 0.9));
    const made = opaque ? null : await as('image/png');
    const small = made && made.size <= BYTES ? made : await as('image/jpeg');
    if (!small) throw new Error(t('pictures.unreadable'));
    return small;
  } finally {
    bitmap.close();
  }
}

/** A picture that stays in the page: its bytes are in its id. */
export async function inPage(blob: Blob): Promise<{ id: string; media_type: string; width: number; height: number }> {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  bitmap.close();
  const id = await new Promise<string>((resolve, reject) => {
    const reader = Object.assign(new FileReader(), { onload: () => resolve(reader.result as string), onerror: () => reject(reader.error) });
    reader.readAsDataURL(blob);
  });
  return { id, media_type: blob.type, width, height };
}
