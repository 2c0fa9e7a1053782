//! The options of every command (spec 06 §8).

use crate::arguments::{Option_, count, flag, list, value};

/// A command without options.
pub const NONE: &[Option_] = &[];

/// `status`.
pub const STATUS: &[Option_] = &[flag("ignored", "")];

/// `gc`.
pub const GC: &[Option_] = &[
    flag("shallow", "s"),
    flag("full", "f"),
    value("archive-level", ""),
    value("incremental-file-size", ""),
];

/// `fsck`.
pub const FSCK: &[Option_] = &[flag("quiet", ""), flag("revive-journal-with-data-loss", "")];

/// `add`.
pub const ADD: &[Option_] = &[flag("all", "A"), flag("force", "f"), flag("patch", "p")];

/// `commit`.
pub const COMMIT: &[Option_] = &[
    value("message", "m"),
    flag("allow-empty", ""),
    flag("skip-empty", ""),
    value("date", ""),
    flag("force", "f"),
    value("author", ""),
    flag("all", "a"),
    flag("ALL", "A"),
    flag("amend", ""),
    flag("gpg-sign", "S"),
    flag("skip-verification", ""),
];

/// `log`.
pub const LOG: &[Option_] = &[
    value("number", "n"),
    value("min-parents", ""),
    flag("merges", ""),
    flag("parents", ""),
    value("decorate", ""),
    flag("oneline", ""),
    list("not", ""),
    list("tables", "t"),
    flag("all", ""),
    flag("stat", ""),
    flag("graph", ""),
    flag("show-signature", ""),
];

/// `diff`.
pub const DIFF: &[Option_] = &[
    flag("data", "d"),
    flag("schema", "s"),
    flag("stat", ""),
    flag("summary", ""),
    value("result-format", "r"),
    value("where", ""),
    value("limit", ""),
    value("filter", ""),
    flag("staged", ""),
    flag("cached", "c"),
    flag("skinny", "sk"),
    list("include-cols", "ic"),
    flag("merge-base", ""),
    value("diff-mode", ""),
    flag("reverse", "R"),
    flag("name-only", ""),
    flag("system", ""),
];

/// `show`.
pub const SHOW: &[Option_] = &[
    flag("parents", ""),
    value("decorate", ""),
    flag("no-pretty", ""),
    flag("data", "d"),
    flag("schema", "s"),
    flag("stat", ""),
    flag("summary", ""),
    value("result-format", "r"),
    value("where", ""),
    value("limit", ""),
    flag("cached", "c"),
    flag("skinny", "sk"),
    flag("merge-base", ""),
    value("diff-mode", ""),
];

/// `branch`.
pub const BRANCH: &[Option_] = &[
    flag("force", "f"),
    flag("copy", "c"),
    flag("move", "m"),
    flag("delete", "d"),
    flag("D", ""),
    value("set-upstream-to", "u"),
    flag("track", "t"),
    flag("list", ""),
    count("verbose", "v"),
    flag("all", "a"),
    flag("datasets", ""),
    flag("remote", "r"),
    flag("show-current", ""),
];

/// `checkout`.
pub const CHECKOUT: &[Option_] = &[
    value("b", ""),
    value("B", ""),
    value("track", "t"),
    flag("force", "f"),
    flag("overwrite-ignore", ""),
    flag("no-overwrite-ignore", ""),
];

/// `merge`.
pub const MERGE: &[Option_] = &[
    flag("no-ff", ""),
    flag("ff-only", ""),
    flag("squash", ""),
    value("message", "m"),
    flag("abort", ""),
    flag("commit", ""),
    flag("no-commit", ""),
    flag("no-edit", ""),
    value("author", ""),
    value("date", ""),
    flag("skip-verification", ""),
    flag("dont-merge-json", ""),
];

/// `reset`.
pub const RESET: &[Option_] = &[flag("hard", ""), flag("soft", "")];

/// `clean`.
pub const CLEAN: &[Option_] = &[flag("dry-run", ""), flag("x", "")];

/// `cherry-pick`.
pub const CHERRY_PICK: &[Option_] = &[
    flag("abort", ""),
    flag("continue", ""),
    flag("allow-empty", ""),
    flag("skip-verification", ""),
    flag("dont-merge-json", ""),
];

/// `revert`.
pub const REVERT: &[Option_] = &[value("author", ""), flag("abort", ""), flag("continue", "")];

/// `tag`.
pub const TAG: &[Option_] = &[
    value("message", "m"),
    flag("verbose", "v"),
    flag("delete", "d"),
    value("author", ""),
];

/// `reflog`.
pub const REFLOG: &[Option_] = &[flag("all", "")];

/// `ls`.
pub const LS: &[Option_] = &[flag("verbose", "v"), flag("system", "s"), flag("all", "a")];

/// `rm`.
pub const RM: &[Option_] = &[flag("cached", "")];

/// `stash`.
pub const STASH: &[Option_] = &[flag("include-untracked", "u"), flag("all", "a")];

/// `conflicts resolve`.
pub const RESOLVE: &[Option_] = &[flag("ours", ""), flag("theirs", "")];

/// `constraints verify`.
pub const VERIFY: &[Option_] = &[flag("all", "a"), flag("output-only", "o")];

/// `remote`.
pub const REMOTE: &[Option_] = &[
    flag("verbose", "v"),
    value("ref", ""),
    value("aws-region", ""),
    value("aws-creds-type", ""),
    value("aws-creds-file", ""),
    value("aws-creds-profile", ""),
    value("oss-creds-file", ""),
    value("oss-creds-profile", ""),
];

/// `clone`.
pub const CLONE: &[Option_] = &[
    value("remote", ""),
    value("branch", "b"),
    value("depth", ""),
    value("ref", ""),
    value("aws-region", ""),
    value("aws-creds-type", ""),
    value("aws-creds-file", ""),
    value("aws-creds-profile", ""),
    value("oss-creds-file", ""),
    value("oss-creds-profile", ""),
    value("user", "u"),
    flag("single-branch", ""),
];

/// `push`.
pub const PUSH: &[Option_] = &[
    value("user", ""),
    flag("set-upstream", "u"),
    flag("force", "f"),
    flag("all", ""),
    flag("silent", ""),
];

/// `fetch`.
pub const FETCH: &[Option_] = &[value("user", ""), flag("prune", "p"), flag("silent", "")];

/// `pull`.
pub const PULL: &[Option_] = &[
    flag("squash", ""),
    flag("no-ff", ""),
    flag("ff-only", ""),
    flag("force", "f"),
    flag("commit", ""),
    flag("no-commit", ""),
    flag("no-edit", ""),
    value("user", ""),
    flag("prune", "p"),
    flag("rebase", "r"),
    flag("silent", ""),
    flag("skip-verification", ""),
];

/// `backup`.
pub const BACKUP: &[Option_] = &[
    flag("verbose", "v"),
    flag("force", "f"),
    value("ref", ""),
    value("aws-region", ""),
    value("aws-creds-type", ""),
    value("aws-creds-file", ""),
    value("aws-creds-profile", ""),
    value("prune-with-grace-period", ""),
];

/// `table cp` and `table mv`.
pub const TABLE_MOVE: &[Option_] = &[flag("force", "f")];

/// `table export`.
pub const TABLE_EXPORT: &[Option_] = &[flag("force", "f"), value("file-type", "")];

/// `table import`.
pub const TABLE_IMPORT: &[Option_] = &[
    flag("create-table", "c"),
    flag("update-table", "u"),
    flag("append-table", "a"),
    flag("replace-table", "r"),
    flag("force", "f"),
    flag("continue", ""),
    flag("quiet", ""),
    flag("ignore-skipped-rows", ""),
    flag("disable-fk-checks", ""),
    flag("all-text", ""),
    flag("no-header", ""),
    value("columns", ""),
    value("schema", "s"),
    value("map", "m"),
    value("pk", "pk"),
    value("file-type", ""),
    value("delim", ""),
];

/// `schema import`.
pub const SCHEMA_IMPORT: &[Option_] = &[
    flag("create", "c"),
    flag("update", "u"),
    flag("replace", "r"),
    flag("dry-run", ""),
    flag("keep-types", ""),
    value("file-type", ""),
    value("pks", ""),
    value("map", "m"),
    value("float-threshold", ""),
    value("delim", ""),
];

/// `dump`.
pub const DUMP: &[Option_] = &[
    value("result-format", "r"),
    value("file-name", "fn"),
    value("directory", "d"),
    flag("force", "f"),
    flag("batch", ""),
    flag("no-batch", ""),
    flag("no-autocommit", "na"),
    flag("schema-only", ""),
    flag("no-create-db", ""),
];

/// `version`.
pub const VERSION: &[Option_] = &[flag("feature", "f"), flag("verbose", "v")];

/// `rebase`.
pub const REBASE: &[Option_] = &[
    flag("abort", ""),
    flag("continue", ""),
    flag("interactive", "i"),
    value("empty", ""),
];

/// Arguments before the command, and what a profile keeps of them.
pub const GLOBAL: &[Option_] = &[
    value("profile", ""),
    value("user", "u"),
    value("password", "p"),
    value("host", ""),
    value("port", ""),
    flag("no-tls", ""),
    value("data-dir", ""),
    value("doltcfg-dir", ""),
    value("privilege-file", ""),
    value("branch-control-file", ""),
    value("use-db", ""),
    value("branch", ""),
];

/// `profile`.
pub const PROFILE: &[Option_] = &[
    flag("verbose", "v"),
    value("user", "u"),
    value("password", "p"),
    value("host", ""),
    value("port", ""),
    flag("no-tls", ""),
    value("data-dir", ""),
    value("doltcfg-dir", ""),
    value("privilege-file", ""),
    value("branch-control-file", ""),
    value("use-db", ""),
];

/// `filter-branch`.
pub const FILTER_BRANCH: &[Option_] = &[
    flag("verbose", "v"),
    flag("branches", "b"),
    flag("apply-to-uncommitted", ""),
    flag("all", "a"),
    flag("continue", "c"),
    value("query", "q"),
];
