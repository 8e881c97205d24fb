using System.Collections.Generic;

namespace UnityEngine
{
    public sealed class Mesh : Object
    {
        public Vector3[] vertices { get; set; } = new Vector3[0];
        public int[] triangles { get; set; } = new int[0];

        public void RecalculateNormals() { }

        public void GetVertices(List<Vector3> vertices)
        {
            vertices.Clear();
            vertices.AddRange(this.vertices);
        }

        /// <summary>Names of the blend shapes; a test sets them.</summary>
        public string[] BlendShapes { get; set; } = new string[0];

        public int blendShapeCount => BlendShapes.Length;

        public string GetBlendShapeName(int shapeIndex) => BlendShapes[shapeIndex];
    }

    public sealed class MeshFilter : Component
    {
        public Mesh sharedMesh { get; set; }

        public Mesh mesh
        {
            get => sharedMesh;
            set => sharedMesh = value;
        }
    }

    public sealed class Shader : Object
    {
        public static Shader Find(string name) => new Shader { name = name };

        public static int PropertyToID(string name) => name.GetHashCode();
    }

    public sealed class Material : Object
    {
        readonly Dictionary<string, Color> colors = new Dictionary<string, Color>();

        public Material(Shader shader)
        {
            this.shader = shader;
        }

        public Material(Material source) : this(source.shader)
        {
            color = source.color;
            name = source.name;
        }

        public Shader shader { get; set; }
        public Color color { get; set; } = Color.white;
        public Texture mainTexture { get; set; }

        public void SetColor(string name, Color value)
        {
            colors[name] = value;
            if (name == "_Color")
                color = value;
        }

        public void EnableKeyword(string keyword) { }
    }

    /// <summary>Values for one renderer that go before its material's.</summary>
    public sealed class MaterialPropertyBlock
    {
        internal Dictionary<string, Color> Colors = new Dictionary<string, Color>();

        public void SetColor(string name, Color value) => Colors[name] = value;

        public bool HasColor(string name) => Colors.ContainsKey(name);

        public Color GetColor(string name) => Colors[name];
    }

    public class Renderer : Component
    {
        Dictionary<string, Color> block = new Dictionary<string, Color>();
        Material own;

        public bool enabled { get; set; } = true;
        public bool isVisible => enabled && gameObject.activeInHierarchy;
        public Material sharedMaterial { get; set; } = new Material(new Shader());

        /// <summary>This renderer's own copy, made when it is first asked for.</summary>
        public Material material
        {
            get => own ?? (own = sharedMaterial = new Material(sharedMaterial));
            set => own = sharedMaterial = value;
        }

        /// <summary>The values are copied: what becomes of the block later does not matter.</summary>
        public void SetPropertyBlock(MaterialPropertyBlock properties)
        {
            block = new Dictionary<string, Color>(properties.Colors);
        }

        public void GetPropertyBlock(MaterialPropertyBlock properties)
        {
            properties.Colors = new Dictionary<string, Color>(block);
        }
    }

    public sealed class MeshRenderer : Renderer { }

    /// <summary>A mesh whose blend shapes have weights from 0 to 100.</summary>
    public sealed class SkinnedMeshRenderer : Renderer
    {
        readonly Dictionary<int, float> weights = new Dictionary<int, float>();

        public Mesh sharedMesh { get; set; }

        public float GetBlendShapeWeight(int index) => weights.TryGetValue(index, out float weight) ? weight : 0;

        public void SetBlendShapeWeight(int index, float value) => weights[index] = value;
    }

    public enum LightType { Spot, Directional, Point }

    public sealed class Light : Behaviour
    {
        public LightType type { get; set; } = LightType.Point;
        public Color color { get; set; } = Color.white;
        public float intensity { get; set; } = 1;
        public float range { get; set; } = 10;
    }

    public static class RenderSettings
    {
        public static Color ambientLight { get; set; } = new Color(0.2f, 0.2f, 0.2f);
        public static bool fog { get; set; }
        public static Color fogColor { get; set; } = Color.gray;
        public static float fogDensity { get; set; } = 0.01f;
    }

    public enum TextAnchor
    {
        UpperLeft, UpperCenter, UpperRight, MiddleLeft, MiddleCenter, MiddleRight, LowerLeft, LowerCenter, LowerRight,
    }

    public enum TextAlignment { Left, Center, Right }

    public sealed class Font : Object
    {
        public Material material { get; set; } = new Material(new Shader());
    }

    /// <summary>A text in the world.</summary>
    [RequireComponent(typeof(MeshRenderer))]
    public sealed class TextMesh : Component
    {
        public string text { get; set; } = "";
        public Color color { get; set; } = Color.white;
        public float characterSize { get; set; } = 1;
        public int fontSize { get; set; }
        public TextAnchor anchor { get; set; }
        public TextAlignment alignment { get; set; }
        public Font font { get; set; }
    }

    /// <summary>A text file among the assets.</summary>
    public sealed class TextAsset : Object
    {
        public TextAsset(string text)
        {
            this.text = text;
        }

        public string text { get; }

        public override string ToString() => text;
    }
}
