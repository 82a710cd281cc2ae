import Foundation
import RunConfiguration
import Testing

@testable import Rewards

/// Patterns mean what they mean to Python; the fixture has what Python's re found.
@Suite struct PatternTests {
    private struct Fixture: Decodable {
        struct Case: Decodable { var pattern: String; var found: [Int] }
        var texts: [String]
        var cases: [Case]
        var refused: [String]

        static func load() throws -> Fixture {
            let folder = try #require(Bundle.module.resourceURL)
            return try JSONDecoder().decode(
                Fixture.self, from: Data(contentsOf: folder.appending(path: "Fixtures/patterns.json")))
        }
    }

    @Test func whatPythonFindsIsFound() throws {
        let fixture = try Fixture.load()
        #expect(fixture.cases.count > 150 && fixture.cases.contains { $0.found.count > 3 })
        for item in fixture.cases {
            let search = try BoundedSearch(item.pattern)
            for (index, text) in fixture.texts.enumerated() {
                let isRight = search.isFound(in: text) == item.found.contains(index)
                #expect(isRight, "'\(item.pattern)' in '\(text.prefix(60).debugDescription)'")
            }
        }
    }

    @Test func whatPythonRefusesIsRefused() throws {
        for pattern in try Fixture.load().refused {
            #expect(throws: PythonPattern.Problem.self, "'\(pattern)'") { try PythonPattern(pattern) }
        }
    }

    @Test(arguments: [
        ("(a)(?(1)b|c)", "conditional"), ("(?ai)k", "together"), ("a(?i)b", "write (?i:...)"), (#"a\q"#, "character 2"),
        ("(?=a)*", "ICU"), ("(?<=a+)b", "ICU"), (String(repeating: "(", count: 5000), "nested"),
    ])
    func whatCannotBeDoneIsSaidSo(_ pattern: String, _ reason: String) {
        #expect {
            try PythonPattern(pattern)
        } throws: { "\($0)".contains(reason) }
    }

    /// What the engine has beyond Python.
    @Test func propertiesAndLongerLookBehindWork() throws {
        #expect(try BoundedSearch(#"^\p{Lu}[\p{L}\p{Nd}]+\P{L}$"#).isFound(in: "Éa1.") == true)
        #expect(try BoundedSearch(#"(?<=a{1,3})b"#).isFound(in: "aab") == true)
        #expect(try BoundedSearch(#"(?<tag>a)\k<tag>"#).isFound(in: "aa") == true)
    }

    /// Exponential patterns cost the answer, and every answer after it is still scored.
    @Test(arguments: [
        ("^(a+)+$", "a", "!"), ("^(a|a)*$", "a", "!"), ("^(a|aa)+$", "a", "!"), ("(x+x+)+y", "x", ""),
        (#"^(\w+\s?)*$"#, "word ", "!"),
    ])
    func aSearchThatExplodesIsGivenUp(_ pattern: String, _ unit: String, _ end: String) throws {
        let reward = try RegexReward(name: "r", pattern: pattern, matchScore: 1, missScore: 0)
        let inputs = [String(repeating: unit, count: 200) + end, "zzz!", unit == "x" ? "xxy" : "a"].map {
            RewardInput(prompt: "", response: $0, tokens: 1)
        }
        #expect(reward.score(inputs) == [nil, 0, 1])
    }

    /// The end of a long answer counts like the rest: nothing is cut off.
    @Test func longAnswersAreSearchedWhole() throws {
        let answer = "<think>" + String(repeating: "é word\n", count: 40_000) + "</think><answer>1</answer>"
        let pattern = #"(?s)^<think>.*</think><answer>.*</answer>$"#
        #expect(try BoundedSearch(pattern).isFound(in: answer) == true)
        #expect(try BoundedSearch(pattern).isFound(in: answer + "more") == false)
        #expect(try BoundedSearch("</answer>").isFound(in: answer) == true)
    }
}
