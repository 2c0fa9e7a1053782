//! The commands, and the arguments before them.

mod add;
mod add_patch;
mod branch;
mod checkout;
mod ci;
mod commit;
mod config_command;
mod conflicts;
mod creds;
mod diff;
mod dispatch;
mod docs;
mod dump;
mod filter_branch;
mod fsck;
mod gc;
mod init;
mod log;
mod log_graph;
mod ls;
mod merge;
mod options;
mod profile;
mod query_diff;
mod reflog;
mod remote;
mod replay;
mod reset;
mod schema;
mod schema_import;
mod shell;
mod show;
mod sql;
mod stash;
mod status;
mod table;
mod table_export;
mod table_import;
mod tag;
mod transfer;
mod version;

use crate::arguments::Option_;
use crate::environment::Environment;
use crate::help::Help;
use crate::{Failure, Outcome};

pub use dispatch::dispatch;

/// Version of Dolt that this implementation follows.
pub const VERSION: &str = "2.3.1";

/// What is said where there is no database.
pub const NOT_A_REPOSITORY: &str = "The current directory is not a valid dolt repository.\nrun: dolt init before trying to run this command";

/// What a command needs before it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Repository,
}

/// A command.
struct Command {
    help: Help,
    needs: Needs,
    run: fn(&Environment, &[String]) -> Outcome,
}

const fn command(
    name: &'static str,
    about: &'static str,
    needs: Needs,
    synopsis: &'static [&'static str],
    options: &'static [Option_],
    run: fn(&Environment, &[String]) -> Outcome,
) -> Command {
    Command {
        help: Help {
            name,
            about,
            synopsis,
            options,
        },
        needs,
        run,
    }
}

use Needs::{Nothing, Repository as Repo};

/// Every command in the order of the list.
const COMMANDS: &[Command] = &[
    command(
        "init",
        "Create an empty Dolt data repository.",
        Nothing,
        &[""],
        init::OPTIONS,
        init::run,
    ),
    command(
        "status",
        "Show the working tree status.",
        Repo,
        &[""],
        options::STATUS,
        status::run,
    ),
    command(
        "add",
        "Add table changes to the list of staged table changes.",
        Repo,
        &["[<table>...]"],
        options::ADD,
        add::run,
    ),
    command(
        "diff",
        "Diff a table.",
        Repo,
        &[
            "[options] [<commit>] [<tables>...]",
            "[options] <commit> <commit> [<tables>...]",
        ],
        options::DIFF,
        diff::run,
    ),
    command(
        "reset",
        "Remove table changes from the list of staged table changes.",
        Repo,
        &["<tables>...", "[--hard | --soft] <revision>"],
        options::RESET,
        reset::run,
    ),
    command(
        "clean",
        "Remove untracked tables from working set.",
        Repo,
        &["[--dry-run] [-x] [<tables>...]"],
        options::CLEAN,
        reset::clean,
    ),
    command(
        "commit",
        "Record changes to the repository.",
        Repo,
        &["[options]"],
        options::COMMIT,
        commit::run,
    ),
    command(
        "sql",
        "Run a SQL query against tables in repository.",
        Nothing,
        &["[-q <query>] [-r <format>] [-f <file>]"],
        sql::OPTIONS,
        sql::run,
    ),
    command(
        "sql-server",
        "Start a MySQL-compatible server.",
        Nothing,
        &["--config <file>", "[-H <host>] [-P <port>]"],
        options::NONE,
        sql_server,
    ),
    command(
        "log",
        "Show commit logs.",
        Repo,
        &["[-n <num_commits>] [<revision-range>] [[--] <table>]"],
        options::LOG,
        log::run,
    ),
    command(
        "show",
        "Show information about a specific commit.",
        Repo,
        &["[<revision>]"],
        options::SHOW,
        show::run,
    ),
    command(
        "branch",
        "Create, list, edit, delete branches.",
        Repo,
        &[
            "[--list] [-v] [-a] [-r]",
            "[-f] <branchname> [<start-point>]",
            "-m [-f] [<oldbranch>] <newbranch>",
            "-c [-f] [<oldbranch>] <newbranch>",
            "-d [-f] [-r] <branchname>...",
        ],
        options::BRANCH,
        branch::run,
    ),
    command(
        "checkout",
        "Checkout a branch or overwrite a table from HEAD.",
        Repo,
        &[
            "<branch>",
            "<commit> [--] <table>...",
            "<table>...",
            "-b <new-branch> [<start-point>]",
            "--track <remote>/<branch>",
        ],
        options::CHECKOUT,
        checkout::run,
    ),
    command(
        "merge",
        "Merge a branch.",
        Repo,
        &[
            "[--squash] <branch>",
            "--no-ff [-m message] <branch>",
            "--abort",
        ],
        options::MERGE,
        merge::run,
    ),
    command(
        "conflicts",
        "Commands for viewing and resolving merge conflicts.",
        Nothing,
        &["cat <table>...", "resolve --ours|--theirs <table>..."],
        options::NONE,
        conflicts::run,
    ),
    command(
        "cherry-pick",
        "Apply the changes introduced by an existing commit.",
        Repo,
        &["[--allow-empty] <commit>", "--continue", "--abort"],
        options::CHERRY_PICK,
        replay::cherry_pick,
    ),
    command(
        "revert",
        "Undo the changes introduced in a commit.",
        Repo,
        &["<revision>...", "--continue", "--abort"],
        options::REVERT,
        replay::revert,
    ),
    command(
        "config",
        "Dolt configuration.",
        Nothing,
        &[
            "[--global|--local] --list",
            "[--global|--local] --add <name> <value>",
            "[--global|--local] --get <name>",
            "[--global|--local] --unset <name>...",
        ],
        config_command::OPTIONS,
        config_command::run,
    ),
    command(
        "remote",
        "Manage set of tracked repositories.",
        Repo,
        &["[-v]", "add <name> <url>", "remove <name>"],
        options::REMOTE,
        remote::run,
    ),
    command(
        "ls",
        "List tables in the working set.",
        Repo,
        &["[--options] [<commit>]"],
        options::LS,
        ls::run,
    ),
    command(
        "schema",
        "Commands for showing and importing table schemas.",
        Nothing,
        &[
            "show [<commit>] [<table>...]",
            "export [<table>] [<file>]",
            "import [--create|--update|--replace] --pks <field>,... <table> <file>",
            "tags",
        ],
        options::NONE,
        schema::run,
    ),
    command(
        "table",
        "Commands for copying, renaming, deleting, and exporting tables.",
        Nothing,
        &[
            "import",
            "export",
            "rm <table>...",
            "mv [-f] <oldtable> <newtable>",
            "cp [-f] <oldtable> <newtable>",
        ],
        options::NONE,
        table::run,
    ),
    command(
        "tag",
        "Create, list, delete tags.",
        Repo,
        &["[-v]", "[-m <message>] <tagname> [<ref>]", "-d <tagname>"],
        options::TAG,
        tag::run,
    ),
    command(
        "blame",
        "Show what revision and author last modified each row of a table.",
        Repo,
        &["[<rev>] <tablename>"],
        options::NONE,
        ls::blame,
    ),
    command(
        "constraints",
        "Commands for handling constraints.",
        Nothing,
        &["verify [--all] [--output-only] [<table>...]"],
        options::NONE,
        conflicts::constraints,
    ),
    command(
        "merge-base",
        "Find the common ancestor of two commits.",
        Repo,
        &["<commit spec> <commit spec>"],
        options::NONE,
        merge::base,
    ),
    command(
        "version",
        "Displays the version for the Dolt binary.",
        Nothing,
        &["[--verbose] [--feature]"],
        options::VERSION,
        version::run,
    ),
    command(
        "dump",
        "Export all tables in the working set into a file.",
        Repo,
        &["[-f] [-r <format>] [-fn <file>]"],
        options::DUMP,
        dump::run,
    ),
    command(
        "docs",
        "Commands for working with Dolt documents.",
        Nothing,
        &["print <doc>", "upload <doc> <file>", "diff <doc>"],
        options::NONE,
        docs::run,
    ),
    command(
        "stash",
        "Stash the changes in a dirty workspace away.",
        Repo,
        &["list", "(pop | apply | drop) <stash>", "clear", "push"],
        options::STASH,
        stash::run,
    ),
    command(
        "rebase",
        "Reapplies commits on top of another base tip",
        Repo,
        &["[--empty=drop|keep] <upstream>", "--continue", "--abort"],
        options::REBASE,
        replay::rebase,
    ),
    command(
        "clone",
        "Clone from a remote data repository.",
        Nothing,
        &["[--remote <name>] [-b <branch>] <remote-url> [<new-dir>]"],
        options::CLONE,
        transfer::clone,
    ),
    command(
        "fetch",
        "Update the database from a remote data repository.",
        Repo,
        &["[<remote>] [<refspec>...]"],
        options::FETCH,
        transfer::fetch,
    ),
    command(
        "pull",
        "Fetch from a dolt remote data repository and merge.",
        Repo,
        &["[<remote>, [<remoteBranch>]]"],
        options::PULL,
        transfer::pull,
    ),
    command(
        "push",
        "Push to a dolt remote.",
        Repo,
        &["[-u | --set-upstream] [<remote>] [<refspec>]"],
        options::PUSH,
        transfer::push,
    ),
    command(
        "backup",
        "Manage a set of server backups.",
        Nothing,
        &[
            "[-v]",
            "add <name> <url>",
            "remove <name>",
            "restore [--force] <url> <name>",
            "sync <name>",
            "sync-url <url>",
        ],
        options::BACKUP,
        transfer::backup,
    ),
    command(
        "login",
        "Login to a dolt remote host.",
        Nothing,
        &[""],
        options::NONE,
        not_yet,
    ),
    command(
        "creds",
        "Commands for managing credentials.",
        Nothing,
        &[
            "new",
            "rm <public_key_as_appears_in_ls | key_id>...",
            "ls [-v | --verbose]",
            "use <public_key_as_appears_in_ls | key_id>",
            "import [<jwk_filename>]",
        ],
        options::NONE,
        creds::run,
    ),
    command(
        "read-tables",
        "Fetch table(s) at a specific commit into a new dolt repo",
        Nothing,
        &[""],
        options::NONE,
        not_yet,
    ),
    command(
        "filter-branch",
        "Edits the commit history using the provided query.",
        Repo,
        &["[--all] -q <queries> [<commit>]"],
        options::FILTER_BRANCH,
        filter_branch::run,
    ),
    command(
        "profile",
        "Manage dolt profiles for CLI global options.",
        Nothing,
        &[
            "[-v | --verbose]",
            "add [<options>] <name>",
            "remove <name>",
        ],
        options::PROFILE,
        profile::run,
    ),
    command(
        "query-diff",
        "Shows table diff between two queries.",
        Repo,
        &["<query1> <query2>"],
        options::NONE,
        query_diff::run,
    ),
    command(
        "reflog",
        "Shows a history of named refs",
        Repo,
        &["[--all] <ref>"],
        options::REFLOG,
        reflog::run,
    ),
    command(
        "ci",
        "Commands for working with Dolt continuous integration configuration.",
        Repo,
        &[
            "init",
            "destroy",
            "import <file>",
            "export <workflow>",
            "ls",
            "remove <workflow>",
            "view [-j <job>] <workflow>",
            "run <workflow>",
        ],
        options::NONE,
        ci::run,
    ),
    command(
        "debug",
        "Run a query in profile and trace mode",
        Nothing,
        &[""],
        options::NONE,
        not_yet,
    ),
    command(
        "gc",
        "Cleans up unreferenced data from the repository.",
        Repo,
        &[""],
        options::GC,
        gc::run,
    ),
    command(
        "fsck",
        "Verifies the contents of the database are not corrupted.",
        Nothing,
        &[""],
        options::FSCK,
        fsck::run,
    ),
    command(
        "rm",
        "Drops a table and removes it from tracking",
        Repo,
        &["[--cached] <table>..."],
        options::RM,
        add::rm,
    ),
];

/// What subcommands do, by their full names.
const SUBCOMMANDS: &[(&str, &str)] = &[
    (
        "table import",
        "Creates, overwrites, replaces, or updates a table from the data in a file.",
    ),
    (
        "ci init",
        "Creates database tables used to store continuous integration configuration",
    ),
    (
        "ci destroy",
        "Drops all database tables used to store continuous integration configuration",
    ),
    (
        "ci import",
        "Import a Dolt continuous integration workflow file into the database",
    ),
    (
        "ci export",
        "Export a Dolt continuous integration workflow by name",
    ),
    ("ci ls", "List Dolt continuous integration workflows"),
    (
        "ci remove",
        "Removes a Dolt continuous integration workflow by name",
    ),
    ("ci view", "View details of a specific Dolt CI workflow"),
    ("ci run", "Run a Dolt CI workflow"),
    ("table export", "Export a table to a file."),
    ("table rm", "Deletes a table"),
    ("table mv", "Moves a table"),
    ("table cp", "Copies a table"),
    ("conflicts cat", "Writes out the table conflicts."),
    ("conflicts resolve", "Removes rows from list of conflicts"),
    ("schema export", "Exports a table's schema."),
    (
        "schema import",
        "Creates a new table with an inferred schema.",
    ),
    ("schema show", "Shows the schema of one or more tables."),
    (
        "schema tags",
        "Shows the column tags of one or more tables.",
    ),
    (
        "constraints verify",
        "Verify that working set changes satisfy table constraints.",
    ),
    (
        "creds new",
        "Create a new public/private keypair for authenticating with doltremoteapi.",
    ),
    ("creds rm", "Remove an existing public/private keypair."),
    (
        "creds ls",
        "List keypairs available for authenticating with doltremoteapi.",
    ),
    (
        "creds check",
        "Check authenticating with a credential keypair against a doltremoteapi.",
    ),
    (
        "creds use",
        "Select an existing dolt credential for authenticating with doltremoteapi.",
    ),
    (
        "creds import",
        "Import an existing dolt credential from an existing .jwk file.",
    ),
    ("docs print", "Print Dolt Docs to stdout."),
    ("docs upload", "Upload Dolt Docs to the working set."),
    ("docs diff", "Diff Dolt Docs."),
];

/// The commands that are listed and recognised, but not done yet.
fn not_yet(_: &Environment, _: &[String]) -> Outcome {
    Err(Failure::new("this command is not supported yet"))
}

/// Runs a command within another.
fn run_named(env: &Environment, name: &str, words: &[String]) -> Outcome {
    match COMMANDS.iter().find(|c| c.help.name == name) {
        Some(command) => (command.run)(env, words),
        None => Err(Failure::new(format!("Unknown Command {name}"))),
    }
}

fn help_of(name: &str) -> Option<&'static Help> {
    let first = name.split(' ').next().unwrap_or(name);
    COMMANDS.iter().map(|c| &c.help).find(|h| h.name == first)
}

/// Answers a wrong use with the usage text.
pub fn misused(name: &str) -> Outcome {
    if let Some(help) = help_of(name) {
        print!("{}", help.usage());
    }
    Ok(1)
}

/// The subcommand of a group and the words after it; none when the list was printed instead.
pub fn subcommand<'w>(
    words: &'w [String],
    group: &str,
    names: &[&'static str],
) -> Result<Option<(&'static str, &'w [String])>, Failure> {
    let Some((first, rest)) = words.split_first() else {
        println!("Valid commands for dolt {group} are");
        for name in names {
            let about = SUBCOMMANDS
                .iter()
                .find(|(n, _)| *n == format!("{group} {name}"));
            println!("    {name:>16} - {}", about.map_or("", |(_, about)| about));
        }
        return Ok(None);
    };
    match names.iter().find(|n| n.eq_ignore_ascii_case(first.trim())) {
        Some(name) => Ok(Some((name, rest))),
        None => Err(Failure::new(format!("Unknown Command {first}"))),
    }
}

fn sql_server(env: &Environment, words: &[String]) -> Outcome {
    let elsewhere = std::path::Path::new(".");
    if env.data_dir_given
        && server::parse_args(words, &std::env::current_dir()?)
            .is_ok_and(|i| i.config.data_dir != elsewhere)
    {
        return Err(Failure::new(
            "Failed to resolve the data directory: cannot specify both global --data-dir argument and --data-dir in sql-server config. Please specify only one.",
        ));
    }
    Ok(server::run(words, &env.dir, env.settings()).clamp(0, 255) as u8)
}

fn list() -> String {
    let mut text = String::from("Valid commands for dolt are\n");
    for c in COMMANDS {
        text.push_str(&format!("    {:>16} - {}\n", c.help.name, c.help.about));
    }
    text
}

/// Fails where there is no database.
pub fn require_repository(env: &Environment) -> Result<(), Failure> {
    if env.is_repository() || env.use_db.is_some() || env.host.is_some() {
        return Ok(());
    }
    Err(Failure {
        text: NOT_A_REPOSITORY.into(),
        code: 2,
    })
}
