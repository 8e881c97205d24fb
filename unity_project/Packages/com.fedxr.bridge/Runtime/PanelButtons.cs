using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A panel's buttons: one per class, in rows over the lower half of the board.</summary>
    sealed class PanelButtons
    {
        const float Left = -0.57f, Top = -0.03f, Wide = 1.14f, High = 0.34f, Gap = 0.012f;

        static readonly Color Plain = new Color(0.2f, 0.26f, 0.36f);
        static readonly Color Chosen = new Color(0.2f, 0.5f, 0.75f);

        readonly Transform panel;
        readonly List<Renderer> faces = new List<Renderer>();
        readonly List<TextMesh> labels = new List<TextMesh>();
        int count, columns, lit = -1;

        internal PanelButtons(Transform panel)
        {
            this.panel = panel;
        }

        int Rows => Math.Max(1, (count + columns - 1) / columns);

        float Width => Wide / columns;

        float Height => Math.Min(High / Rows, 0.12f);

        /// <summary>Put these words on the buttons, in place of the last ones.</summary>
        internal void Show(IReadOnlyList<string> words)
        {
            count = words.Count;
            columns = count <= 16 ? Math.Min(4, Math.Max(1, count)) : 10; // 70 characters fit, small
            lit = -1;
            for (int i = 0; i < Math.Max(count, faces.Count); i++)
            {
                if (i == faces.Count)
                    Add(i);
                faces[i].gameObject.SetActive(i < count);
                labels[i].gameObject.SetActive(i < count);
                if (i < count)
                    Lay(i, words[i]);
            }
        }

        /// <summary>Light this button and no other.</summary>
        internal void Choose(int button)
        {
            if (button == lit)
                return;
            if (lit >= 0)
                faces[lit].material.color = Plain;
            lit = button < count ? button : -1;
            if (lit >= 0)
                faces[lit].material.color = Chosen;
        }

        /// <summary>The button that <paramref name="ray"/> meets, or -1.</summary>
        internal int At(Ray ray)
        {
            Vector3 from = panel.InverseTransformPoint(ray.origin);
            Vector3 way = panel.InverseTransformPoint(ray.origin + ray.direction) - from;
            if (way.z <= 1e-4f || from.z > 0)
                return -1; // beside the board, or from behind
            return At(from + way * (-from.z / way.z));
        }

        /// <summary>The button at a place of the board in the panel's own coordinates, or -1.</summary>
        internal int At(Vector3 place)
        {
            float x = (place.x - Left) / Width, y = (Top - place.y) / (Height + Gap);
            if (x < 0 || x >= columns || y < 0 || y >= Rows)
                return -1;
            int button = (int)y * columns + (int)x;
            return button < count ? button : -1;
        }

        /// <summary>A point of the world in the panel's own coordinates; Z is behind the board.</summary>
        internal Vector3 Local(Vector3 world) => panel.InverseTransformPoint(world);

        void Add(int i)
        {
            faces.Add(PanelParts.Plate(panel, "Button " + i, Vector3.zero, 1, 1));
            labels.Add(PanelParts.Text(panel, "Label " + i, Vector3.zero, 0.03f));
            labels[i].anchor = TextAnchor.MiddleCenter;
        }

        void Lay(int i, string word)
        {
            float height = Math.Min(0.04f, 1.6f * Width / Math.Max(word.Length, 4));
            var middle = new Vector3(
                Left + (i % columns + 0.5f) * Width, Top - (i / columns + 0.5f) * (Height + Gap), 0);
            faces[i].transform.localPosition = middle;
            faces[i].transform.localScale = new Vector3(Width - Gap, Height, PanelParts.Thick);
            faces[i].material.color = Plain;
            labels[i].transform.localPosition = middle - new Vector3(0, 0, 0.005f);
            labels[i].text = word;
            PanelParts.SetHeight(labels[i], height);
        }
    }
}
