using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

/// <summary>A small csc over Roslyn's libraries; takes those of mcs's options that toolchain.py uses.
/// C# 9, nullable off, every warning an error.</summary>
static class Csch
{
    const string Framework = "/usr/lib/mono/4.5/";

    static int Main(string[] arguments)
    {
        string made = null, documentation = null;
        var kind = OutputKind.DynamicallyLinkedLibrary;
        var defines = new List<string>();
        var silent = new Dictionary<string, ReportDiagnostic>();
        var references = new List<MetadataReference> { Reference("mscorlib") };
        var files = new List<string>();
        foreach (string argument in arguments)
        {
            int colon = argument.IndexOf(':');
            string value = argument.Substring(colon + 1);
            switch (colon < 0 || argument[0] != '-' ? "" : argument.Substring(0, colon))
            {
                case "-out": made = value; break;
                case "-doc": documentation = value; break;
                case "-define": defines.AddRange(value.Split(';')); break;
                case "-nowarn": silent["CS" + value.PadLeft(4, '0')] = ReportDiagnostic.Suppress; break;
                case "-r": references.Add(Reference(value)); break;
                case "-target":
                    kind = value == "exe" ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
                    break;
                case "": files.Add(argument); break;
                default: throw new ArgumentException("no option " + argument);
            }
        }
        var documented = documentation == null ? DocumentationMode.Parse : DocumentationMode.Diagnose;
        var parsing = new CSharpParseOptions(LanguageVersion.CSharp9, documented, SourceCodeKind.Regular, defines);
        var trees = new List<SyntaxTree>();
        foreach (string file in files)
            trees.Add(CSharpSyntaxTree.ParseText(SourceText.From(File.ReadAllText(file), Encoding.UTF8), parsing, file));
        var options = new CSharpCompilationOptions(kind, optimizationLevel: OptimizationLevel.Release,
            generalDiagnosticOption: ReportDiagnostic.Error, specificDiagnosticOptions: silent, warningLevel: 4);
        CSharpCompilation compilation = CSharpCompilation.Create(Path.GetFileNameWithoutExtension(made), trees,
            references, options);
        EmitResult result;
        using (FileStream output = File.Create(made))
        using (Stream xml = documentation == null ? Stream.Null : File.Create(documentation))
            result = compilation.Emit(output, xmlDocumentationStream: documentation == null ? null : xml);
        foreach (Diagnostic diagnostic in result.Diagnostics)
            if (diagnostic.Severity == DiagnosticSeverity.Error)
                Console.WriteLine(diagnostic);
        return result.Success ? 0 : 1;
    }

    static MetadataReference Reference(string name)
    {
        return MetadataReference.CreateFromFile(Path.IsPathRooted(name) ? name : Framework + name + ".dll");
    }
}
