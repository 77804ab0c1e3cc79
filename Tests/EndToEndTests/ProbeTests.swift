import Golden
import Testing

/// `lorgnette models probe` and `inspect` on adapters of each family, as a person types them.
@Suite struct ProbeTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test(arguments: [
        ("v1.pth", [], "v1.raw", "LLaMA-Adapter V1 for a LLaMA of 2 layers and width 64"),
        ("v1.pth", ["--gating", "tanh"], "v1.tanh", "LLaMA-Adapter V1 for a LLaMA of 2 layers and width 64"),
        ("v1-short.pth", ["--prompt-length", "3"], "v1-short.raw", "LLaMA-Adapter V1 for a LLaMA of 2 layers and width 64"),
        ("dialog.pth", [], "dialog", "LLaMA-Adapter V2 dialog for a LLaMA of 2 layers and width 64"),
    ])
    func adaptersWithoutPictures(_ name: String, _ options: [String], _ key: String, _ about: String) throws {
        let (out, expected) = ("\(bench.path)/out.safetensors", Golden.tiny("expected-adapters.safetensors"))
        let tokens = try Golden.tensor(expected, "tokens").array.map { "\(Int($0))" }.joined(separator: ",")
        let probe = ["--language", Golden.tiny("language.gguf"), "--adapter", Golden.tiny(name), "--tokens", tokens]
        let ended = try bench.run(
            ["models", "probe"] + probe + options + ["--greedy", "24", "--layers", "--out", out])
        #expect(ended.status == 0, "\(ended.errors)")
        let greedy = try Golden.tensor(out, "greedy")
        #expect(Golden.difference(greedy, try Golden.tensor(expected, key + ".greedy")) == 0)
        let states = try Golden.tensor(out, "hidden.2")
        let last = try Golden.tensor(expected, key + ".hidden.2")
        #expect(zip(states.array.suffix(last.count), last.array).allSatisfy { abs($0 - $1) < 5e-5 })

        let inspected = try bench.run(["models", "inspect", Golden.tiny(name)])
        #expect(inspected.output.contains("model        \(about)\n"), "\(inspected.output)\(inspected.errors)")
    }

    @Test func optionsThatDoNotFitAreRefused() throws {
        func errors(_ adapter: String, _ options: [String]) throws -> String {
            let probe = ["--language", Golden.tiny("language.gguf"), "--adapter", Golden.tiny(adapter), "--prompt", "Hi"]
            let ended = try bench.run(["models", "probe"] + probe + options + ["--out", "\(bench.path)/no.safetensors"])
            #expect(ended.status != 0)
            return ended.errors
        }
        #expect(
            try errors("dialog.pth", ["--prompt-length", "3"])
                .contains("--prompt-length: expected a LLaMA-Adapter V1, found a LLaMA-Adapter V2 dialog"))
        #expect(try errors("dialog.pth", ["--gating", "raw"]).contains("--gating: expected an adapter with gates"))
        #expect(try errors("v1-short.pth", []).contains("adapter_query.weight: expected 10 rows"))
        let inspected = try bench.run(["models", "inspect", Golden.tiny("adapter.safetensors")])
        #expect(inspected.output.contains("model        LLaMA-Adapter V2 multimodal (captioner) for tiny\n"))
    }
}
