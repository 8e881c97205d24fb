using System;

namespace UnityEngine
{
    public static class Mathf
    {
        public const float PI = (float)Math.PI;
        public const float Deg2Rad = PI / 180;
        public const float Rad2Deg = 180 / PI;

        public static float Sin(float f) => (float)Math.Sin(f);
        public static float Cos(float f) => (float)Math.Cos(f);
        public static float Asin(float f) => (float)Math.Asin(f);
        public static float Acos(float f) => (float)Math.Acos(f);
        public static float Atan2(float y, float x) => (float)Math.Atan2(y, x);
        public static float Tan(float f) => (float)Math.Tan(f);
        public static float Sqrt(float f) => (float)Math.Sqrt(f);
        public static float Pow(float f, float p) => (float)Math.Pow(f, p);
        public static float Exp(float power) => (float)Math.Exp(power);
        public static float Abs(float f) => Math.Abs(f);
        public static float Floor(float f) => (float)Math.Floor(f);
        public static float Round(float f) => (float)Math.Round(f);

        /// <summary>Halves go to the even number.</summary>
        public static int RoundToInt(float f) => (int)Math.Round(f);

        public static float Min(float a, float b) => a < b ? a : b;
        public static float Max(float a, float b) => a > b ? a : b;
        public static int Min(int a, int b) => a < b ? a : b;
        public static int Max(int a, int b) => a > b ? a : b;
        public static float Clamp(float value, float min, float max) => value < min ? min : value > max ? max : value;
        public static int Clamp(int value, int min, int max) => value < min ? min : value > max ? max : value;
        public static float Clamp01(float value) => Clamp(value, 0, 1);
        public static float Sign(float f) => f >= 0 ? 1 : -1;

        public static float Lerp(float a, float b, float t) => a + (b - a) * Clamp01(t);

        public static float MoveTowards(float current, float target, float maxDelta) =>
            Abs(target - current) <= maxDelta ? target : current + Sign(target - current) * maxDelta;

        public static float Repeat(float t, float length) => Clamp(t - Floor(t / length) * length, 0, length);
    }

    public static class Random
    {
        static System.Random source = new System.Random(0);

        public static void InitState(int seed)
        {
            source = new System.Random(seed);
        }

        /// <summary>0 to 1.</summary>
        public static float value => (float)source.NextDouble();

        public static float Range(float minInclusive, float maxInclusive) =>
            minInclusive + (maxInclusive - minInclusive) * value;

        public static int Range(int minInclusive, int maxExclusive) => source.Next(minInclusive, maxExclusive);
    }

    [Serializable]
    public struct Color
    {
        public float r, g, b, a;

        public Color(float r, float g, float b, float a)
        {
            this.r = r;
            this.g = g;
            this.b = b;
            this.a = a;
        }

        public Color(float r, float g, float b) : this(r, g, b, 1) { }

        public static Color white => new Color(1, 1, 1);
        public static Color black => new Color(0, 0, 0);
        public static Color gray => new Color(0.5f, 0.5f, 0.5f);
        public static Color red => new Color(1, 0, 0);
        public static Color green => new Color(0, 1, 0);
        public static Color blue => new Color(0, 0, 1);
        public static Color clear => new Color(0, 0, 0, 0);

        public static Color Lerp(Color a, Color b, float t) => a + (b - a) * Mathf.Clamp01(t);

        public static Color operator +(Color a, Color b) => new Color(a.r + b.r, a.g + b.g, a.b + b.b, a.a + b.a);
        public static Color operator -(Color a, Color b) => new Color(a.r - b.r, a.g - b.g, a.b - b.b, a.a - b.a);
        public static Color operator *(Color a, float b) => new Color(a.r * b, a.g * b, a.b * b, a.a * b);
        public static bool operator ==(Color a, Color b) => Far(a - b) < 1e-5f;
        public static bool operator !=(Color a, Color b) => !(a == b);
        public override bool Equals(object other) => other is Color && Far(this - (Color)other) == 0;
        public override int GetHashCode() => r.GetHashCode() ^ (g.GetHashCode() << 2) ^ (b.GetHashCode() >> 2);

        static float Far(Color d) => Math.Abs(d.r) + Math.Abs(d.g) + Math.Abs(d.b) + Math.Abs(d.a);

        public override string ToString() => Show.Numbers(r, g, b, a);
    }

    [Serializable]
    public struct Color32
    {
        public byte r, g, b, a;

        public Color32(byte r, byte g, byte b, byte a)
        {
            this.r = r;
            this.g = g;
            this.b = b;
            this.a = a;
        }

        public static implicit operator Color32(Color c) =>
            new Color32(Byte(c.r), Byte(c.g), Byte(c.b), Byte(c.a));

        public static implicit operator Color(Color32 c) =>
            new Color(c.r / 255f, c.g / 255f, c.b / 255f, c.a / 255f);

        static byte Byte(float part) => (byte)Math.Round(Mathf.Clamp01(part) * 255);
    }
}
