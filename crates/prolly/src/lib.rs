//! Prolly trees over chunks: nodes, chunker, cursors, edits, ordered diff, three-way merge; blob and JSON trees; address maps; commit closures.
