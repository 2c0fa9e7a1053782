//! Content-addressed bytes: hashes, chunks, and the stores that keep them (journal, table files, archives, manifest).
