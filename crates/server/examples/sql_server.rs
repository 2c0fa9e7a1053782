//! `dolt sql-server` without the rest of the command line.

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let settings = engine::instance::Settings::default();
    let code = match std::env::current_dir() {
        Ok(cwd) => server::run(&args, &cwd, settings),
        Err(e) => {
            eprintln!("{e}");
            1
        }
    };
    std::process::exit(code);
}
