import Testing
import Tokenizers

@testable import Rewards

@Suite struct MathLabelTests {
    private func findings(_ labels: [JSONValue?]) throws -> [String] {
        var read = MathLabels(name: "m", answerKey: "answer")
        for (index, label) in labels.enumerated() {
            read.read(.object(label.map { [.init("answer", $0)] } ?? []), line: index + 1)
        }
        return try read.findings("p.jsonl")
    }

    @Test(arguments: [
        "7", #"\frac{1}{2}"#, "x<5", "1, 2", #"\{1\}"#, "Yes", "no real solutions exist", "(B)",
        #"\begin{pmatrix}1\\2\end{pmatrix}"#,
        "He has 9*2=18 eggs, and sells them all.\n#### 18", #"So it is \boxed{3}."#, #"[1,2)\cup(3,4]"#,
    ])
    func resultsAreNoFinding(_ label: String) throws {
        #expect(try findings([.string(label)]) == [])
    }

    @Test func linesWithoutALabelAreCountedAndNamed() throws {
        let found = try findings([
            .integer(1), nil, .string(" "), .null, .string("2"), .array([]), .array([.string("3")]),
        ])
        #expect(found.count == 1)
        #expect(found.first?.contains("4 of 7 prompts have no result in the column 'answer'") == true, "\(found)")
        #expect(found.first?.hasSuffix("p.jsonl, lines 2, 3, 4 and 1 more") == true, "\(found)")
    }

    @Test func labelsThatAreNoResultsAreCountedAndNamed() throws {
        let found = try findings([
            .string("12"), .string("The farmer sells every egg that he has left"), .string(#"\forall x \exists y"#),
        ])
        #expect(found.count == 1)
        #expect(found.first?.contains("2 of 3 labels in the column 'answer' are neither number") == true, "\(found)")
        #expect(found.first?.hasSuffix("p.jsonl, lines 2, 3") == true, "\(found)")
    }

    @Test func noLabelAtAllIsRefused() throws {
        #expect(throws: RewardError.self) { try findings([nil, .null]) }
        #expect(try findings([]) == [])
    }
}
