//! Golden runs of `cameod`: arguments, exact output and exit code.

#[test]
fn the_output_of_cameod_is_pinned() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
