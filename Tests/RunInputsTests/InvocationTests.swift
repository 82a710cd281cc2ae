import Console
import Testing

@Suite struct InvocationTests {
    /// A command that a message names can be typed where its reader is.
    @Test(arguments: [
        ("skein", "skein"), ("/home/a/w/.build/release/skein", ".build/release/skein"),
        (".build/release/skein", ".build/release/skein"), ("./skein", "./skein"), ("/home/a/w/skein", "./skein"),
        ("/opt/skein/bin/skein", "/opt/skein/bin/skein"), ("../skein", "../skein"),
        ("/home/a/./w/x/../bin/skein", "bin/skein"), ("bin/skein-engine", "bin/skein"), ("skein-engine", "skein"),
        ("/x/skeinPackageTests.xctest", "skein"), ("", "skein"), ("/", "skein"),
    ])
    func theProgramIsNamedAsItWasCalled(word: String, name: String) {
        #expect(Invocation.program(called: word, in: "/home/a/w") == name)
    }

    @Test func wordsAreQuotedForAShell() {
        #expect(Invocation.quoted("runs/a-1@2") == "runs/a-1@2" && Invocation.quoted("") == "''")
        #expect(Invocation.quoted("a b's") == #"'a b'\''s'"#)
    }
}
