import Console
import Testing

@Suite struct ShellWordsTests {
    @Test func plainWordsStayAsTheyAre() {
        #expect(
            ShellWords.line(["skein", "run", "a/b_c.yaml", "--set", "ppo.steps=3"])
                == "skein run a/b_c.yaml --set ppo.steps=3")
    }

    @Test func everyOtherWordIsQuoted() {
        #expect(ShellWords.quoted("") == "''")
        #expect(ShellWords.quoted("a b") == "'a b'")
        #expect(ShellWords.quoted("it's $x") == "'it'\\''s $x'")
        #expect(ShellWords.quoted("~a") == "'~a'")
        #expect(ShellWords.quoted("ä") == "'ä'")
    }
}
