import { changeFolder, createFolder, deleteFolder, listFolders } from '$core/api/folders';
import type { Folder, FolderFields } from '$core/api/types';

/** The folders of the person, by name. What changes them throws what went wrong. */
export class Folders {
  items = $state.raw<Folder[]>([]);
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** As they came with the page itself. */
  begin(items: Folder[]): void {
    this.items = items;
  }

  async load(): Promise<void> {
    this.items = (await listFolders()).items;
  }

  /** Their counts may have changed: looks again, once for a burst. */
  touch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load().catch(() => {}), 300);
  }

  find = (id: string | null | undefined): Folder | undefined => this.items.find((f) => f.id === id);

  async create(name: string): Promise<Folder> {
    const folder = await createFolder(name);
    await this.load();
    return folder;
  }

  async change(id: string, fields: FolderFields): Promise<void> {
    await changeFolder(id, fields);
    await this.load();
  }

  async remove(id: string): Promise<void> {
    await deleteFolder(id);
    await this.load();
  }
}
