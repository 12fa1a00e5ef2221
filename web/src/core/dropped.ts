interface Entry {
  fullPath: string;
  isFile: boolean;
  isDirectory: boolean;
  file: (done: (file: File) => void, failed: () => void) => void;
  createReader: () => { readEntries: (done: (entries: Entry[]) => void, failed: () => void) => void };
}

/** As the browser tells it of a folder that is chosen: what is in two folders may have one name. */
function withPath(file: File, path: string): File {
  if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}

async function filesOf(entry: Entry): Promise<File[]> {
  if (entry.isFile) return new Promise((done) => entry.file((f) => done([withPath(f, entry.fullPath.slice(1))]), () => done([])));
  if (!entry.isDirectory) return [];
  const reader = entry.createReader();
  const found: File[] = [];
  for (;;) {
    // A folder is read in pieces, until one is empty.
    const entries = await new Promise<Entry[]>((done) => reader.readEntries(done, () => done([])));
    if (entries.length === 0) return found;
    for (const e of entries) found.push(...(await filesOf(e)));
  }
}

/** What was dropped, with what is in folders. */
export async function dropped(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((i) => i.webkitGetAsEntry() as unknown as Entry | null).filter((e) => e !== null);
  if (entries.length === 0) return [...data.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}
