//! Golden runs of the node's command line: arguments, output and exit code, to the letter.

#[test]
fn what_cameod_prints_is_pinned() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
