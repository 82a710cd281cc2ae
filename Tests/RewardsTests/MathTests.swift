import Foundation
import Testing
import Tokenizers

@testable import Rewards

@Suite struct MathTests {
    private struct Pair: Decodable { var label: String; var answer: String; var equal: Bool; var source: String }

    private func score(_ label: JSONValue, _ answer: String) -> Float? {
        let input = RewardInput(
            prompt: "", response: answer, tokens: 1, extra: .object([.init("answer", label)]))
        return MathReward(name: "m", answerKey: "answer", matchScore: 1, missScore: 0).score([input])[0]
    }

    private func pairs() throws -> [Pair] {
        let file = try #require(Bundle.module.url(forResource: "math", withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode([Pair].self, from: Data(contentsOf: file))
    }

    /// What math-verify says, and where it is not followed; see make_math_fixtures.py.
    @Test func resultsAreEqualAsForMathVerify() throws {
        let pairs = try pairs()
        #expect(pairs.count > 300 && pairs.contains { $0.source.hasPrefix("Skein: ") })
        for pair in pairs {
            #expect(score(.string(pair.label), pair.answer) == (pair.equal ? 1 : 0), "\(pair)")
        }
    }

    @Test func whoIsTheLabelDoesNotMatter() throws {
        for pair in try pairs() {
            guard let label = MathExtraction.result(ofLabel: pair.label),
                let answer = MathExtraction.result(ofAnswer: pair.answer)
            else { continue }
            let (a, b) = (MathResult(label), MathResult(answer))
            #expect(a.equals(b) == b.equals(a), "\(pair)")
            #expect(a.equals(a) && b.equals(b), "\(pair)")
        }
    }

    /// A result is the same as itself with any typesetting, and never the same as itself plus one.
    @Test(arguments: [
        "2004!", #"\frac{1}{2004!}"#, #"2^{1000}"#, #"\sqrt{2^{3000}}"#, #"\binom{n}{k}"#, "10^{-400}", "x^{1000}",
        "123456789012345678901234567890", #"\alpha\beta"#, #"x_1"#, #"\sum_{k=1}^n k"#, "0.125", #"\log_3 7"#, "x<5",
        "(1,2]",
    ])
    func aResultIsItselfAlone(_ text: String) {
        for same in [text, #"\left(\#(text)\right)"#, "$\(text)$", #"\displaystyle \#(text)"#, #"\boxed{\#(text)}"#] {
            guard !same.hasPrefix(#"\left"#) || MathFormula(text) != nil else { continue }
            #expect(MathResult(text).equals(MathResult(same)), "\(same)")
        }
        #expect(!MathResult(text).equals(MathResult(text + "+1")))
        #expect(!MathResult(text).equals(MathResult("-" + text)))
    }

    @Test(arguments: [
        (#"\boxed{41} no, \boxed{42}"#, "42", true), (#"\boxed{\boxed{42}}"#, "42", true), ("1000", "1e3", true),
        (#"\boxed{42"#, "42", true), ("The answer is (B).", "B", false), (#"\boxed{(B)}"#, "B", true),
        (#"\boxed{\text{Yes}}"#, "yes", true), ("10-5=5", "5", true), ("a7", "7", false),
        ("reasoning with 12 steps\n#### 18", "He has 9*2=18.\n#### 18", true), ("18", "#### 1,8", false),
        (#"\boxed{1, 2}"#, "2, 1", true), (#"\boxed{1, 1}"#, "1, 2", false), ("0.0000001", "0.0000002", false),
        ("1000001", "1000002", false), ("", "0", false), (#"\boxed{\frac{1}{0}}"#, "0", false),
        (#"\boxed{x}"#, "x+0*y", true), (#"\boxed{|x|}"#, #"$\sqrt{x^2}$"#, true), ("half: 1 1/2", "1.5", false),
        (#"\boxed{1 1/2}"#, "1.5", true), (#"\boxed{(2}"#, "2", false), ("1/2", "0.5", true),
    ])
    func resultsAreFoundAndCompared(_ answer: String, _ label: String, _ isRight: Bool) {
        #expect(score(.string(label), answer) == (isRight ? 1 : 0))
    }

    @Test func labelsAreTextsNumbersAndLists() {
        #expect(score(.integer(7), "7") == 1)
        #expect(score(.number(0.5), #"\boxed{1/2}"#) == 1)
        #expect(score(.array([.string("3"), .string("4")]), "4") == 1)
        #expect(score(.array([.string("3"), .string("4")]), "5") == 0)
        for missing in [JSONValue.null, .string(""), .array([]), .object([])] { #expect(score(missing, "7") == nil) }
    }

    /// However formulas are nested, each letter is read once: with 30 mixed fractions it was 2 to the power of 30 times.
    @Test(arguments: [
        (#"1\frac{"#, "}{2}"), (#"\frac{1}{1"#, "}"), (#"\sqrt{2"#, "}"), (#"\sqrt[3"#, "]{2}"), ("(1+", ")"),
        ("{2*", "}"), ("|1-", "|"), (#"\sin "#, ""), ("sqrt ", ""), ("2^{", "}"), ("-(", ")"), ("1 1/2(", ")"),
        (#"2\frac{1}{1\frac{"#, "}{2}}"), ("3\\frac12\\frac{", "}{x}!"),
    ])
    func nestedFormulasAreReadOnce(_ open: String, _ close: String) {
        for levels in [1, 5, 30, 58, 100] {
            let text = String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
            var parser = MathParser(text)
            let isFormula = parser.parse() != nil
            #expect(parser.steps <= text.count + 1, "\(levels) levels of \(open)")
            #expect(levels != 100 || !isFormula)
        }
    }

    @Test(arguments: [
        (#"\boxed{1\frac{1}{2}}"#, "1.5", true), (#"\boxed{2\frac12}"#, "2.5", true),
        (#"\boxed{2\frac{x}{3}}"#, "2*x/3", true), (#"\boxed{2\frac{x}{3}^2}"#, "2*(x/3)^2", true),
        (#"\boxed{1\frac{1\frac{1}{2}}{2}}"#, "0.75", true), (#"\boxed{2.5\frac{1}{2}}"#, "1.25", true),
    ])
    func mixedFractionsAreSumsAndOthersProducts(_ answer: String, _ label: String, _ isRight: Bool) {
        #expect(score(.string(label), answer) == (isRight ? 1 : 0))
    }

    /// Neither a trap nor a long wait.
    @Test(arguments: [
        String(repeating: "(", count: 5000), String(repeating: "{", count: 5000), String(repeating: "-", count: 5000),
        String(repeating: #"\frac"#, count: 400), String(repeating: #"\boxed{"#, count: 3000),
        String(repeating: "1,", count: 5000), String(repeating: "2^", count: 900) + "2", "170!!", "171!", "(-1)!",
        #"\"#,
        "\u{0}", "é²", "٣", #"\sqrt["#, #"\frac1"#, "1e999", "1e", ".", "-", "|", "|||",
        String(repeating: "$", count: 999),
        String(repeating: #"\boxed "#, count: 20000), String(repeating: #"\boxed{}"#, count: 20000),
        String(repeating: "9999!+", count: 300) + "1", "x^{99999999999999999999}", "2^{-9223372036854775808}",
        "1e-99999999",
        #"\binom{x}{99999999}"#, #"\begin{pmatrix}"#, #"\text{"#, #"\log_"#, #"\cup"#, #"\pm"#, "=", "<", "1<", "=1=",
        #"\frac{1}{\frac{1}{0}}"#, #"\begin{pmatrix}\end{pmatrix}"#, "a=", "(B) ", "**", #"\\\\"#,
    ])
    func nonsenseIsWrong(_ text: String) {
        #expect(score(.string("7"), text) == 0)
        #expect(score(.string("7"), #"\boxed{\#(text)}"#) == 0)
        #expect(score(.string(text), "7") != 1)
    }
}
