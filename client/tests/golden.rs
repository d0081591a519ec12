//! Golden runs of the command line: exact arguments, output and exit code.
//!
//! `TRYCMD=overwrite cargo test --workspace --test golden` writes them again; review the diff.

#[test]
fn the_output_of_cameo_is_pinned() {
    trycmd::TestCases::new()
        .env("CAMEO_HOME", "/nowhere/home")
        .case("tests/cmd/*.trycmd");
}
