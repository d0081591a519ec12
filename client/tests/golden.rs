//! Golden runs of the command line: arguments, output and exit code, to the letter.
//!
//! `TRYCMD=overwrite cargo test --workspace --test golden` writes them anew; read the difference.

#[test]
fn what_cameo_prints_is_pinned() {
    trycmd::TestCases::new()
        .env("CAMEO_HOME", "/nowhere/home")
        .case("tests/cmd/*.trycmd");
}
