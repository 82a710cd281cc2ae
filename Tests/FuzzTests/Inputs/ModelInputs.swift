#if canImport(LanguageModels)
    import Foundation

    @testable import LanguageModels
    @testable import Torch

    enum ModelInputs {
        private static func isExpected(_ error: any Error) -> Bool {
            error is LanguageModelError || error is TorchError
        }

        static func safetensors(_ bytes: [UInt8]) throws {
            _ = try Finding.refusing(isExpected) {
                let file = try Safetensors(data: Data(bytes), name: "model.safetensors")
                for name in file.names { _ = try file.tensor(name) }
                _ = WeightFiles(file).names
            }
        }

        static func config(_ bytes: [UInt8]) throws {
            let read = try Finding.refusing(isExpected) { try ModelConfiguration(data: Data(bytes)) }
            guard let read else { return }
            _ = try Finding.refusing(isExpected) { try ModelConfiguration(data: read.data()) }
            _ = try Finding.refusing(isExpected) { try LoRAConfiguration().modules(of: read) }
        }

        /// Parts with their lengths: config.json, model.safetensors, adapter_config.json, adapter_model.safetensors,
        /// model.safetensors.index.json.
        static func directory(_ bytes: [UInt8]) throws {
            var reader = ByteReader(bytes)
            var files: [String: Data] = [:]
            for name in [
                "config.json", "model.safetensors", "adapter_config.json", "adapter_model.safetensors",
                "model.safetensors.index.json",
            ] {
                let piece = reader.piece()
                if !piece.isEmpty { files[name] = Data(piece) }
            }
            let memory = ModelFiles.memory(files)
            guard let configuration = try Finding.refusing(isExpected, { try memory.configuration() }) else { return }
            _ = try Finding.refusing(isExpected) {
                let weights = try WeightFiles(memory, of: configuration)
                for specification in Families.named(configuration.modelType)?.tensors(configuration) ?? [] {
                    try weights.check(specification)
                }
            }
            _ = try Finding.refusing(isExpected) { try AdapterFiles(memory, for: configuration) }
        }
    }
#endif
