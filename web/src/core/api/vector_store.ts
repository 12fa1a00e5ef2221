import { http, take } from './client';
import type { VectorStoreEdit } from './types';

export const getVectorStore = () => take(http.GET('/api/v1/vector-store'));
/** It is tried before it is taken. Without a key the stored one stays, as long as kind and address do. */
export const setVectorStore = (body: VectorStoreEdit) => take(http.PUT('/api/v1/vector-store', { body }));
