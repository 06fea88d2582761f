package disclose

import "fmt"

// dutyLabels are what pictures are labelled with where a Publication demands it:
// the deployment's own label, or the plain badge, and a small one for artistic
// works.
func dutyLabels(o Options) (labels [3]*VisibleLabel, err error) {
	for _, d := range []Duty{DutyLimited, DutyFull} {
		if d == DutyFull && o.VisibleLabel != nil {
			labels[d] = o.VisibleLabel
			continue
		}
		looks, _ := d.ImageLabel(VisibleLabelOptions{})
		if labels[d], err = NewVisibleLabel(looks); err != nil {
			return labels, fmt.Errorf("disclose: label of published pictures: %w", err)
		}
	}
	return labels, nil
}

// visibleLabel is what is drawn into the output's pictures. A review counts for
// texts alone, so that of a picture nothing but Deepfake matters.
func (w *Writer) visibleLabel() *VisibleLabel {
	if p := w.out.Publication; p != nil {
		duty, _ := Publication{Deepfake: p.Deepfake}.Duty(nil)
		if duty != DutyNone {
			return w.m.duties[duty]
		}
	}
	return w.m.o.VisibleLabel
}
