import Foundation
import Testing

@testable import Tokenizers

/// Texts equal those that `transformers` renders, and what fails there fails here.
@Suite struct ChatTemplateTests {
    private static let fixtures = Result { try JSONValue(parsing: try fixture("chat.json"), name: "chat.json") }

    private static func list(_ key: String) throws -> [JSONValue] {
        try #require(try fixtures.get()[key]?.array)
    }

    private static func now() throws -> Double {
        guard case .number(let seconds)? = try fixtures.get()["now"] else { return 0 }
        return seconds
    }

    /// The text, or nil and the error.
    private func render(_ source: String, _ variables: [JSONValue.Member], now: Double) -> (String?, TokenizerError?) {
        do throws(TokenizerError) {
            return (try ChatTemplate(source).render(variables, now: now, secondsFromGMT: 0), nil)
        } catch {
            return (nil, error)
        }
    }

    @Test(arguments: 0..<9) func familiesRenderAsTheReference(index: Int) throws {
        let families = try Self.list("families")
        #expect(families.count == 9)
        let source = try #require(families[index]["template"]?.string)
        let texts = try #require(families[index]["texts"]?.array)
        let specials = try #require(try Self.fixtures.get()["specials"]?.members)
        for (conversation, expected) in zip(try Self.list("conversations"), texts) {
            var variables: [JSONValue.Member] = [
                .init("tools", .null), .init("documents", .null), .init("add_generation_prompt", .bool(false)),
            ]
            variables += specials + (conversation.members ?? [])
            let (text, error) = render(source, variables, now: try Self.now())
            #expect(
                text.map(JSONValue.string) ?? .null == expected,
                "\(families[index]["name"]?.string ?? ""): \(error.debugDescription)")
            if let error { #expect(error.code == .template && error.message.contains("line ")) }
        }
    }

    @Test func constructsRenderAsTheReference() throws {
        let snippets = try Self.list("snippets")
        #expect(snippets.count > 120)
        let variables = try #require(try Self.fixtures.get()["variables"]?.members)
        for snippet in snippets {
            let source = try #require(snippet["template"]?.string)
            let (text, error) = render(source, variables, now: try Self.now())
            let expected = snippet["text"]?.string
            #expect(
                text.map { Array($0.unicodeScalars) } == expected.map { Array($0.unicodeScalars) },
                "\(source)\ngives    \(text ?? "\(error.debugDescription)")\nexpected \(expected ?? "an error")")
        }
    }

    @Test(arguments: [
        ("a\n{% include 'x' %}", "line 2: the statement 'include' is not supported"),
        ("\n\n{{ x | urlize }}", "line 3: the filter 'urlize' is not supported"),
        ("{{ 1 is prime }}", "line 1: the test 'prime' is not supported"),
        ("{{ f(*a) }}", "unpacked arguments"), ("{% for x in y recursive %}{% endfor %}", "a recursive loop"),
        ("{{ '" + "x\n\n", "line 1: a string that is not closed"), ("{# a\n", "line 1: a comment without its '#}'"),
        ("{% raw %}\n", "a raw block without its endraw"), ("{{ a\n}\n}}", "line 2: an unexpected '}'"),
        ("{% break %}", "a 'break' outside a loop"), ("{% endfor %}", "the statement 'endfor'"),
        (
            "{{ " + String(repeating: "(", count: 500) + "1" + String(repeating: ")", count: 500) + " }}",
            "nested deeper than 60"
        ),
        (
            "{{ " + String(repeating: "[", count: 500) + String(repeating: "]", count: 500) + " }}",
            "nested deeper than 60"
        ),
        ("{{ " + String(repeating: "-", count: 500) + "1 }}", "nested deeper than 60"),
        (String(repeating: "{% if true %}", count: 100), "nested deeper than 60"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "deeper than 50"),
        ("{{ 9223372036854775807 + 1 }}", "beyond 64 bits"), ("{{ 99999999999999999999 }}", "the number"),
        ("{{ (-9223372036854775807 - 1) // -1 }}", "beyond 64 bits"), ("{{ 2 ** 64 }}", "beyond 64 bits"),
        ("{{ 'abc' * 99999999 }}", "64 MB"), ("{{ [1][::0] }}", "the step 0"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "does not come to an end"),
        ("{% set n = namespace(a=[]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}{% endfor %}", "too deep"),
        ("{% set n = namespace(a=[1]) %}{% for i in range(99) %}{% set n.a = [n.a, n.a] %}{% endfor %}", "too large"),
        ("{% set n = namespace(a='x') %}{% for i in range(99) %}{% set n.a = n.a ~ n.a %}{% endfor %}", "64 MB"),
        ("{% for i in range(9999) %}{% set n = namespace() %}{% endfor %}", "more than 1000 namespaces"),
        ("{{ ('x' * 99999) | replace('x', 'y' * 99999) }}", "64 MB"),
        ("{{ range(-9223372036854775807 - 1, 0, -1) }}", "a range over"), ("{{ [1, 'a'] | sort }}", "'<' between"),
        ("{{ raise_exception('told so') }}", "line 1: told so"), ("{{ strftime_now('%Q') }}", "%Q"),
    ]) func errorsNameTheirLine(source: String, part: String) {
        let (text, error) = render(
            source, [.init("a", .array([])), .init("y", .array([])), .init("x", .string("x"))], now: 0)
        #expect(text == nil)
        #expect(error?.code == .template)
        #expect(error?.description.contains(part) == true, "\(error.debugDescription)")
    }

    @Test func everyTruncationOfATemplateIsAnErrorOrATemplate() throws {
        for family in try Self.list("families") {
            let source = Array(try #require(family["template"]?.string).unicodeScalars)
            for count in stride(from: 0, to: source.count, by: 7) {
                _ = render(TemplateText.string(source[..<count]), [], now: 0)
            }
        }
    }

    @Test func circlesAreReleased() throws {
        weak var leaked: TemplateNamespace?
        do {
            let scope = TemplateScope(parent: nil)
            scope["namespace"] = .function("namespace")
            var interpreter = TemplateInterpreter(clock: TemplateClock(0, secondsFromGMT: 0))
            let source =
                "{% set n = namespace() %}{% set n.self = n %}{% macro f() %}{{ f() }}{{ n }}{% endmacro %}{{ n }}"
            try interpreter.run(try TemplateParser.parse(source), scope)
            #expect(interpreter.output == "<Namespace>")
            if case .namespace(let namespace)? = scope["n"] { leaked = namespace }
            #expect(leaked != nil)
            interpreter.release()
        }
        #expect(leaked == nil)
    }

    @Test func aTokenizerUsesItsTemplateAndSpecialTokens() throws {
        let json = try fixture("llama3.tokenizer.json")
        let configuration = #"""
            {"bos_token":"<|begin_of_text|>","eos_token":{"content":"<|eot_id|>"},"chat_template":
            "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"}
            """#
        let tokenizer = try Tokenizer(files: [
            "tokenizer.json": json, "tokenizer_config.json": Array(configuration.utf8),
        ])
        let text = "<|begin_of_text|>user: hi<|eot_id|>assistant:"
        let ids = try ConversationEncoder(tokenizer).prompt(.text("hi"))
        #expect(ids.first == tokenizer.bosID)
        #expect(ids.filter { $0 == tokenizer.bosID }.count == 1)
        #expect(tokenizer.decode(ids) == text)

        let named = #"{"chat_template":[{"name":"default","template":"D"},{"name":"tool_use","template":"T"}]}"#
        let several = try Tokenizer(files: ["tokenizer.json": json, "tokenizer_config.json": Array(named.utf8)])
        #expect(try several.chatTemplate().render([]) == "D")
        #expect(try several.chatTemplate(named: "tool_use").render([]) == "T")
        #expect(throws: TokenizerError.self) { try several.chatTemplate(named: "none") }

        let file = try Tokenizer(files: [
            "tokenizer.json": json, "tokenizer_config.json": Array(named.utf8),
            "chat_template.jinja": Array("J\n".utf8),
        ])
        #expect(try file.chatTemplate().render([]) == "J")
        let plain = try Tokenizer(files: ["tokenizer.json": json])
        #expect(!plain.hasChatTemplate)
        #expect(throws: TokenizerError.self) { try plain.chatTemplate() }
    }

    /// What is nested deeply when it is evaluated is refused where it is read; an indent cannot be anything.
    @Test func longChainsAndIndentsAreBounded() throws {
        let count = 20_000
        for (start, link) in [
            ("1", "+1"), ("x", ".a"), ("x", "|default(1)"), ("1", " or 1"), ("1", " and 1"), ("1", "~1"), ("1", "*1"),
            ("1", "**1"), ("1", " if 1 else 1 if 1"), ("x", "[0]"), ("x", "()"), ("x", " is defined|int"),
            ("(1)", "-(1)"),
        ] {
            let source = "{{ \(start)\(String(repeating: link, count: count)) }}"
            #expect(throws: TokenizerError.self, "\(link)") { try ChatTemplate(source) }
            let short = "{{ \(start)\(String(repeating: link, count: 20)) }}"
            #expect(throws: Never.self, "\(link)") { try ChatTemplate(short) }
        }
        // Those of a list stand beside each other.
        let list = String(repeating: "1+1, x.a, ", count: 2_000)
        #expect(try ChatTemplate("{{ [\(list)]|length }}").render([.init("x", .object([]))]) == "4000")
        func json(_ indent: String) throws -> String {
            try ChatTemplate("{{ {'a': [1]}|tojson(indent=\(indent)) }}").render([])
        }
        #expect(try json("2") == "{\n  \"a\": [\n    1\n  ]\n}")
        for negative in ["-5", "-9223372036854775807", "0"] { #expect(try json(negative) == "{\n\"a\": [\n1\n]\n}") }
        for huge in ["9223372036854775807", "1000000000"] { #expect(throws: TokenizerError.self) { try json(huge) } }
    }

    @Test func aClockShowsTheSameTimeWhereverItIs() throws {
        let template = try ChatTemplate("{{ strftime_now('%F %T') }}")
        #expect(try template.render([], clock: 1_700_000_000) == "2023-11-14 22:13:20")
        let files = [
            "tokenizer.json": Array(
                #"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"1":0,"0":1,"3":2},"merges":[]}}"#
                    .utf8),
            "chat_template.jinja": Array("{{ strftime_now('%M') }}{{ messages[0].content }}".utf8),
        ]
        let tokenizer = try Tokenizer(files: files)
        #expect(tokenizer.printsDate)
        let encoder = try ConversationEncoder(tokenizer, clock: 1_700_000_000)
        #expect(tokenizer.decode(try encoder.prompt(.text("0"))).filter { !$0.isWhitespace } == "130")
    }
}
