// A PostgreSQL with pgvector that is nowhere installed: node pglite.mjs FOLDER PORT (0: any). Prints its port; ends on SIGTERM.
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const [folder, port] = process.argv.slice(2);
const db = await PGlite.create(folder, { extensions: { vector } });
const server = new PGLiteSocketServer({ db, port: Number(port), host: '127.0.0.1', maxConnections: 8 });
server.addEventListener('listening', ({ detail }) => console.log(detail.port));
process.on('SIGTERM', async () => {
  await server.stop();
  await db.close();
  process.exit(0);
});
await server.start();
