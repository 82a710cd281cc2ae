import Foundation
import LanguageModels
import RunConfiguration
import RunInputs
import Testing

@testable import Training

/// What makes a stage begin anew, and what does not.
@Suite struct StageInputsTests {
    private static func run(_ overrides: [String], in folder: URL) throws -> RunConfiguration {
        let path = folder.path(percentEncoded: false)
        return try RunConfiguration.parse(
            """
            run_directory: \(path)/run
            stages: [sft, reward_model]
            models: {base: \(path)/base}
            data: {pretrain: \(path)/text, sft: \(path)/demos, preferences: \(path)/pairs, prompts: \(path)/prompts}
            """, overrides: overrides)
    }

    private static func inTemporaryDirectory(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-stage-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["base", "run/sft"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: name), withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: folder.appending(path: "\(name)/config.json"))
            try Data("w".utf8).write(to: folder.appending(path: "\(name)/model.safetensors"))
        }
        for name in ["text", "demos", "pairs", "prompts"] {
            try Data(name.utf8).write(to: folder.appending(path: name))
        }
        try body(folder)
    }

    private static let stages: [Stage] = [.pretrain, .sft, .rewardModel]

    /// Stages whose inputs an override changes.
    @Test(
        arguments: [
            ("seed=7", [.pretrain, .sft, .rewardModel]), ("data.on_error=skip", [.pretrain, .sft, .rewardModel]),
            ("data.too_long=skip", [.sft, .rewardModel]), ("data.chat_template=none", [.sft, .rewardModel]),
            ("sft.epochs=3", [.sft]), ("sft.threads=1", [.sft]),
            ("sft.lora={}", [.sft]), ("pretrain.batch_size=3", [.pretrain]), ("reward_model.margin=1", [.rewardModel]),
            ("reward_model.normalise=false", [.rewardModel]), ("reward_model.epochs=3", [.rewardModel]),
            ("sft.checkpoint_every=5", []), ("sft.gradient_checkpointing=true", []), ("name=other", []),
            ("ppo.steps=3", []), ("rollout.max_new_tokens=9", []), ("evaluation.prompts=9", []),
            ("reward_model.checkpoint_every=5", []), ("architecture.layers=2", []),
        ] as [(String, [Stage])]) func onlyTheKeysThatAStageReadsCount(_ override: String, _ changed: [Stage]) throws
    {
        try Self.inTemporaryDirectory { folder in
            let before = try Self.run([], in: folder)
            let after = try Self.run([override], in: folder)
            for stage in Self.stages {
                let differ = try TrainingStages.inputs(stage, before) != TrainingStages.inputs(stage, after)
                #expect(differ == changed.contains(stage), "\(stage)")
            }
        }
    }

    @Test(
        arguments: [
            ("text", [.pretrain]), ("demos", [.sft]), ("pairs", [.rewardModel]), ("prompts", []),
            ("base/config.json", [.pretrain, .sft]), ("base/model.safetensors", [.pretrain, .sft]),
            ("base/tokenizer.json", [.pretrain, .sft]), ("base/chat_template.jinja", [.pretrain, .sft]),
            ("base/generation_config.json", [.pretrain, .sft]), ("base/README.md", []),
            ("run/sft/model.safetensors", [.rewardModel]), ("run/sft/stage.json", []),
        ] as [(String, [Stage])]) func filesCountByWhatIsInThem(_ name: String, _ changed: [Stage]) throws
    {
        try Self.inTemporaryDirectory { folder in
            let run = try Self.run([], in: folder)
            let before = try Self.stages.map { try TrainingStages.inputs($0, run) }
            try Data("changed".utf8).write(to: folder.appending(path: name))
            for (stage, before) in zip(Self.stages, before) {
                let differences = try TrainingStages.inputs(stage, run).differences(from: before)
                #expect(differences.isEmpty != changed.contains(stage), "\(stage): \(differences)")
            }
        }
    }

    @Test func whereThingsStandDoesNotCount() throws {
        try Self.inTemporaryDirectory { folder in
            let before = try TrainingStages.inputs(.sft, Self.run([], in: folder))
            for name in ["base", "demos"] {
                try FileManager.default.moveItem(
                    at: folder.appending(path: name), to: folder.appending(path: "moved-\(name)"))
            }
            let path = folder.path(percentEncoded: false)
            let moved = try Self.run(["models.base=\(path)/moved-base", "data.sft=\(path)/moved-demos"], in: folder)
            #expect(try TrainingStages.inputs(.sft, moved) == before)
        }
    }

    @Test func pretrainingFromNothingDependsOnTheArchitecture() throws {
        let runs = try ["layers: 2", "layers: 3"].map {
            try RunConfiguration.parse("stages: [pretrain]\narchitecture: {\($0)}")
        }
        #expect(try TrainingStages.inputs(.pretrain, runs[0]) != TrainingStages.inputs(.pretrain, runs[1]))
    }

    /// What an export copies is part of what was made.
    @Test func theListOfFilesIsComplete() {
        for name in ModelFiles.companions { #expect(ModelDirectory.names.contains(name), "\(name)") }
    }

    @Test func anOutdatedResultSaysWhatChanged() throws {
        try Self.inTemporaryDirectory { folder in
            func stage(_ overrides: [String]) throws -> StageDirectory {
                StageDirectory(
                    stage: "sft", final: folder.appending(path: "run/made"),
                    inputs: try TrainingStages.inputs(.sft, Self.run(overrides, in: folder)))
            }
            let first = try stage([])
            #expect(first.unusable == nil)
            _ = try first.begin()
            _ = try first.commit(seconds: 1, figures: [:])
            #expect(first.finished != nil && first.unusable == nil)
            #expect(try stage(["seed=9", "sft.epochs=3"]).unusable == "was made from other inputs (seed, sft)")
            // Of an older version of this program.
            try Data(#"{"stage":"sft","inputs":"abc","seconds":1,"figures":{}}"#.utf8)
                .write(to: folder.appending(path: "run/made/stage.json"))
            #expect(first.finished == nil && first.unusable == "was made from other inputs")
        }
    }
}
