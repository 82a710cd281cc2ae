import Console
import Testing

@Suite struct QuotedWordsTests {
    @Test func plainWordsStayAsTheyAre() {
        #expect(
            Invocation.line(["skein", "run", "a/b_c.yaml", "--set", "ppo.steps=3"])
                == "skein run a/b_c.yaml --set ppo.steps=3")
    }

    @Test func everyOtherWordIsQuoted() {
        #expect(Invocation.quoted("") == "''")
        #expect(Invocation.quoted("a b") == "'a b'")
        #expect(Invocation.quoted("it's $x") == "'it'\\''s $x'")
        #expect(Invocation.quoted("~a") == "'~a'")
        #expect(Invocation.quoted("ä") == "'ä'")
    }
}
