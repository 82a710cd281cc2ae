import Foundation
import RunConfiguration

enum SeedTexts {
    static var json: [String: [UInt8]] {
        Seeds.named([
            #"{"a":[1,-2.5e3,true,false,null,"x\u00e9\n\ud83d\ude00"],"a":{"b":{}}}"#, "[NaN,Infinity,-Infinity,1e999]",
            "\u{FEFF} [] ", "12345678901234567890", "-0.0", #""\ud800""#, "[1,]", "[[[[[[]]]]]]",
            "{\"a\":1}\n{\"b\":2}",
        ])
    }

    /// Rows of each kind, and containers.
    static func lines() throws -> [String: [UInt8]] {
        var seeds = Seeds.named([
            #"{"text":"a"}"# + "\r\n\n" + #"{"text":"b","x":1}"#,
            #"{"prompt":"a","answer":"5","extra":{"b":[1]}}"#,
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0}],"tools":[]}"#,
            #"{"prompt":"a","completion":"b"}"# + "\n"
                + #"{"prompt":[{"role":"user","content":"a"}],"completion":"b"}"#,
            #"{"prompt":"a","chosen":"b","rejected":"c","margin":0.5}"#,
            #"{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant: c"}"#,
            #"{"chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"#
                + #""rejected":[{"role":"user","content":"a"},{"role":"assistant","content":"c"}]}"#,
            #"{"prompt":"a","response":"b","chat_template_kwargs":{"x":true}}"#,
            #"[{"text":"a"}]"#, "{\n  \"text\": \"a\"\n}", "prompt,completion\n\"a\",b\n", "text\tlabel\na\t1\n",
            "PAR1....", "ARROW1", "version https://git-lfs.github.com/spec/v1\n", "<html>",
        ])
        // gzip of {"text":"a"}, stored without compression, and twice in a row.
        let packed: [UInt8] =
            [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 12, 0, 243, 255] + Array(#"{"text":"a"}"#.utf8)
            + [0x8E, 0xC3, 0xE4, 0x15, 12, 0, 0, 0]
        seeds["gzip"] = packed
        seeds["gzip-members"] = packed + packed + [0, 0]
        seeds["utf16"] = [0xFF, 0xFE] + "{\"text\":\"a\"}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        return seeds
    }

    static func yaml() throws -> [String: [UInt8]] {
        var seeds: [String: [UInt8]] = [:]
        for name in ["quickstart", "gemma-sentiment"] {
            seeds[name] = [UInt8](try Data(contentsOf: URL(filePath: "deploy/runs/\(name).yaml")))
        }
        let lines = RunConfiguration.referenceYAML().split(separator: "\n").filter {
            !$0.drop { $0 == " " }.hasPrefix("#")
        }
        seeds["reference"] = Array(lines.joined(separator: "\n").utf8)
        let small = [
            "ppo: {steps: 5, lora: {rank: 8}, schedule: {mode: {lag: 2}}}\nrewards: [{kind: length, target: 20}]\n",
            "a: &a [1, 2]\nb: *a\nc: {<<: *a}\n", "- x\n- y\n", "name: 'it''s'\nseed: 1_000\n",
            "name: \"\\u00e9\"\n...\n",
            "%YAML 1.2\n---\nname: !!str 5\n? [a]\n: b\n",
            "rewards:\n- {kind: regex, pattern: '(?s)^<think>.*?</think>'}\n",
            "rewards: [{kind: http, name: j, url: \"http://127.0.0.1:8/c\", format: openai, batch: 32, timeout_s: 3}]\n",
            "", "~", "name: |\n  a\n  b\nrun_directory: >-\n  c\n",
        ]
        for (place, text) in small.enumerated() { seeds["\(place)"] = Array(text.utf8) }
        seeds["set"] = Seeds.join("ppo: {steps: 2}", "ppo.clip=0.1", "rewards.0.weight=2", "rewards[1].kind=math", "x=")
        return seeds
    }

    static func math() throws -> [String: [UInt8]] {
        let data = try Seeds.fixture("RewardsTests/Fixtures/math.json")
        let pairs = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
        var seeds: [String: [UInt8]] = [:]
        for (place, pair) in pairs.enumerated() where place % 11 == 0 {
            if let answer = pair["answer"] as? String, let label = pair["label"] as? String {
                seeds["\(place)"] = Seeds.join(answer, label)
            }
        }
        let patterns =
            try JSONSerialization.jsonObject(with: Seeds.fixture("RewardsTests/Fixtures/patterns.json"))
            as? [String: Any]
        for (place, item) in (patterns?["cases"] as? [[String: Any]] ?? []).enumerated() where place % 11 == 0 {
            if let pattern = item["pattern"] as? String { seeds["pattern-\(place)"] = Seeds.join("a", "1", pattern) }
        }
        return seeds
    }

    static var answers: [String: [UInt8]] {
        Seeds.named([
            #"{"rewards":[0.3]}"#, #"{"rewards":[0.3,null,NaN]}"#, #"{"data":[{"index":0,"score":0.3}]}"#,
            #"{"data":[{"index":1,"probs":[0.3]},{"index":0,"probs":[1]},{"index":2,"probs":[2]}]}"#,
            #"{"data":[{"data":[[0.1],[0.3]]}]}"#, #"[{"embedding":[0.3]}]"#, #"{"embedding":[0.3]}"#,
            #"{"score":1,"request_id":3.0}"#, #"{"score":true,"error":""}"#, #"{"error":{"why":1},"request_id":"7"}"#,
        ])
    }
}
