import { createImage, deleteImage, imageUrl } from '$core/api/images';
import { say } from '$core/api/errors';
import type { ImagePart } from '$core/api/types';
import { t } from '$core/i18n/i18n.svelte';
import { inPage, shrink } from '$core/pictures';

/** The most that one message takes. */
const MOST = 10;

interface Picture {
  key: number;
  /** null: it is on its way to the server. */
  part: ImagePart | null;
  name: string;
}

/**
 * The pictures of a message that is being written. `keep` has them survive a reload, `refuse` says why one is not taken;
 * without `stored` they stay in the page.
 */
export class Pictures {
  items = $state.raw<Picture[]>([]);
  private next = 0;

  constructor(
    kept: ImagePart[],
    private readonly keep: (parts: ImagePart[]) => void,
    private readonly refuse: (why: string) => void,
    private readonly stored = true,
  ) {
    this.put(kept);
  }

  /** Those that are there. */
  get parts(): ImagePart[] {
    return this.items.flatMap((i) => i.part ?? []);
  }

  get loading(): boolean {
    return this.items.some((i) => !i.part);
  }

  url = (picture: Picture) => picture.part && imageUrl(picture.part.id);

  put(parts: ImagePart[]): void {
    this.set([...parts.map((part) => ({ key: this.next++, part, name: part.name ?? '' })), ...this.items]);
  }

  /** They went with a message. */
  take(): ImagePart[] {
    const { parts } = this;
    this.set([]);
    return parts;
  }

  async add(files: Iterable<File>): Promise<void> {
    const all = [...files];
    const room = MOST - this.items.length;
    if (all.length > room) this.refuse(t('pictures.many', { n: MOST }));
    const fresh = all.slice(0, Math.max(0, room)).map((file) => ({ file, picture: { key: this.next++, part: null, name: file.name } as Picture }));
    this.set([...this.items, ...fresh.map((f) => f.picture)]);
    // One after the other: a phone has not the memory for ten photos at once.
    for (const { file, picture } of fresh) await this.load(file, picture);
  }

  private async load(file: File, picture: Picture): Promise<void> {
    try {
      const bytes = await shrink(file, !this.stored);
      const { id, media_type, width, height } = await (this.stored ? createImage(bytes) : inPage(bytes));
      this.set(this.items.map((i) => (i.key === picture.key ? { ...i, part: { type: 'image', id, media_type, width, height, name: file.name } } : i)));
    } catch (e) {
      this.set(this.items.filter((i) => i.key !== picture.key));
      this.refuse(file.name ? t('pictures.failed', { name: file.name, why: say(e) }) : say(e));
    }
  }

  remove({ key, part }: Picture): void {
    this.set(this.items.filter((i) => i.key !== key));
    // It may be the picture of a message, too: then it stays.
    if (part && this.stored) void deleteImage(part.id).catch(() => {});
  }

  private set(items: Picture[]): void {
    this.items = items;
    this.keep(this.parts);
  }
}

/** Of what is called a picture, what browsers cannot hand on as one: drawings and scans, which are read as documents. */
const read = /^image\/(svg\+xml|tiff)$/;
/** The pictures among files. */
export const picturesOf = (files: Iterable<File> | undefined): File[] => [...(files ?? [])].filter((f) => (f.type.startsWith('image/') && !read.test(f.type)) || /\.(heic|heif)$/i.test(f.name));
