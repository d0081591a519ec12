//! Help of `cameo-bench`, word for word.

#[test]
fn help() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
