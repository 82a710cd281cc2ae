import Console
import Testing

@Suite struct PrintableTests {
    /// Whatever a peer sends stays on its line, and is no command to a terminal.
    @Test func whatOthersSentCannotForgeALine() {
        #expect("plain größe 🙂".printable == "plain größe 🙂")
        #expect("a\nERROR forged\r\n".printable == "a\\nERROR forged\\r\\n")
        #expect("\u{1B}[2J\u{7}\u{9B}31m".printable == "\\u{1B}[2J\\u{7}\\u{9B}31m")
        // "gnp.exe" that is shown as "exe.png".
        #expect("\u{202E}gnp.exe\u{2066}\u{2028}".printable == "\\u{202E}gnp.exe\\u{2066}\\u{2028}")
    }
}
